"""`swarmpy leave`: one machine less."""

from __future__ import annotations

from typing import Annotated

import typer

from swarmpy.cli import render
from swarmpy.cli.node_flags import StateDirOption, settings_of
from swarmpy.cli.noun import verb
from swarmpy.client.identity import read_identity
from swarmpy.daemon.settings import Settings
from swarmpy.errors import InvalidInput, WrongState
from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER

app = verb()


@app.command()
def leave(
    force: Annotated[
        bool, typer.Option("--force", "-f", help="Also when this node is a manager.")
    ] = False,
    state_dir: StateDirOption = None,
) -> None:
    """Stop this machine's tasks and its daemon, and forget the swarm."""
    from swarmpy.daemon import bootstrap  # noqa: PLC0415  --help needs no engines

    settings = settings_of(state_dir)
    if not force and _is_manager(settings):
        raise WrongState(
            "this node is a manager: without it fewer managers must agree, and a swarm's last "
            "manager takes the swarm with it",
            remedy="swarmpy node demote it first, from another manager; or leave --force",
        )
    bootstrap.leave(settings)
    render.say("✔ this machine is in no swarm any more")


def _is_manager(settings: Settings) -> bool:
    try:
        return read_identity(settings.state_dir).role == NODE_ROLE_MANAGER
    except InvalidInput:
        return False
