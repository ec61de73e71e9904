"""`swarmpy version`."""

from __future__ import annotations

import swarmpy
from swarmpy.cli.noun import verb

app = verb()


@app.command()
def version() -> None:
    """Print the version."""
    print(swarmpy.__version__)
