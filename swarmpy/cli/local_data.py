"""Asks before a node is drained that has data of tasks: those cannot run anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import typer

from swarmpy import SyncClient
from swarmpy.cli import render
from swarmpy.pb.control_pb2 import VolumeSummary
from swarmpy.pb.specs_pb2 import VOLUME_SCOPE_NODE


def ask_about_local_data(client: SyncClient, nodes: Iterable[str], *, force: bool = False) -> None:
    """Return when no node has any, or when somebody says that they may be drained.

    Raises:
        typer.BadParameter: nobody can be asked, and `force` is not given.
        typer.Abort: the answer was no.
    """
    found = [(node, one) for node in nodes for one in client.volumes(node=node) if _is_bound(one)]
    for node, one in found:
        stopping = f": {', '.join(one.tasks)} stops" if one.tasks else ""
        render.warn(f"volume {one.volume.spec.name} is on {node} alone{stopping}")
    if not found or force:
        return
    render.say("Tasks with these volumes wait until the node is active again.")
    if not sys.stdin.isatty():
        raise typer.BadParameter(
            "the node has data that cannot move; to drain it all the same: "
            f"swarmpy node drain --force {found[0][0]}"
        )
    typer.confirm("Drain?", abort=True, err=True)


def _is_bound(one: VolumeSummary) -> bool:
    return one.volume.spec.scope != VOLUME_SCOPE_NODE and not one.volume.removing
