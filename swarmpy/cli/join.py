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
    from swarmpy.cli.started import become_node, start_node  # noqa: PLC0415  --help needs no engines
    from swarmpy.daemon import bootstrap  # noqa: PLC0415

    settings = flags.settings()
    if ":" not in address:
        address = f"{address}:{CLUSTER_PORT}"
    wish = flags.key_wish()
    prepared = bootstrap.prepare_joining(settings, address, token, wish)
    if flags.foreground:
        become_node(prepared)
        return
    start_node(prepared, wish)
    render.say(f"✔ this machine has joined the swarm at {address}")
