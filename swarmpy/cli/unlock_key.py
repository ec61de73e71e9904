"""`swarmpy unlock-key`: the key that opens locked managers."""

from __future__ import annotations

from typing import Annotated

import typer

from swarmpy import SyncClient
from swarmpy.cli import render
from swarmpy.cli.noun import verb
from swarmpy.errors import WrongState

app = verb()


@app.command()
def unlock_key(
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Make a new one, and new data keys beneath it.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print only the key, for scripts.")
    ] = False,
) -> None:
    """Show the unlock key; it needs a manager that is not locked."""
    with SyncClient.connect() as client:
        key = client.rotate_unlock_key() if rotate else client.unlock_key()
    if not key:
        raise WrongState("autolock is off: there is no unlock key", remedy=TURN_ON)
    if quiet:
        render.say(key)
    else:
        show(key)


TURN_ON = "turn it on: swarmpy cluster update --autolock"


def show(key: str) -> None:
    """Print a key with what it is for."""
    render.say("\nA manager that starts again is locked. swarmpy unlock on it asks for this key:\n")
    render.say(f"    {key}\n")
    render.say("Keep it outside of the swarm: without it a swarm whose managers all start again")
    render.say("stays locked for good. swarmpy unlock-key shows it while one is not locked.")
