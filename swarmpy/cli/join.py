"""`swarmpy join`: one machine more."""

from __future__ import annotations

from typing import Annotated

import typer

from swarmpy.cli import render
from swarmpy.cli.flags import with_flags
from swarmpy.cli.node_flags import NodeFlags
from swarmpy.cli.noun import verb
from swarmpy.daemon.settings import CLUSTER_PORT

app = verb()


@app.command()
@with_flags
def join(
    address: Annotated[
        str, typer.Argument(metavar="HOST[:PORT]", help="Cluster port of any manager.")
    ],
    token: Annotated[str, typer.Option(help="From swarmpy token create.", envvar="SWARMPY_TOKEN")],
    flags: NodeFlags,
) -> None:
    """Add this machine to a swarm, as the token's role says."""
    from swarmpy.daemon import bootstrap  # noqa: PLC0415  --help needs no engines

    settings = flags.settings()
    if ":" not in address:
        address = f"{address}:{CLUSTER_PORT}"
    if flags.foreground:
        bootstrap.run_foreground(bootstrap.prepare_joining(settings, address, token))
        return
    bootstrap.start_joining(settings, address, token)
    render.say(f"✔ this machine has joined the swarm at {address}")
