"""`swarmpy cluster`: the swarm itself."""

from __future__ import annotations

from typing import Annotated

import typer

from swarmpy import SyncClient
from swarmpy.cli import render, unlock_key
from swarmpy.cli.noun import noun
from swarmpy.cli.options import Format, FormatOption
from swarmpy.errors import InvalidInput

app = noun("The swarm itself: its id and its settings.")


@app.command("inspect")
def inspect(output: FormatOption = Format.TABLE) -> None:
    """Print the swarm, whole; its keys never come out."""
    with SyncClient.connect() as client:
        render.inspect(client.cluster(), output)


@app.command("update")
def update(
    autolock: Annotated[
        bool | None,
        typer.Option(
            "--autolock/--no-autolock",
            help="Whether managers that start again wait for swarmpy unlock.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Change a setting of the swarm."""
    if autolock is None:
        raise InvalidInput("nothing to change", remedy="give --autolock or --no-autolock")
    with SyncClient.connect() as client:
        key = client.unlock_key()
        if not autolock:
            client.update_cluster(autolock=False)
            render.say("✔ autolock is off: managers start again by themselves")
            return
        if key:
            render.say("autolock was on already")
        else:
            with unlock_key.new_key() as key:
                client.update_cluster(autolock=True, unlock_key=key)
            render.say("✔ autolock is on")
    unlock_key.show(key)
