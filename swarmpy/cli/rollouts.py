"""What `swarmpy service` does with updates: back, to a halt, on, once more, and their history."""

from __future__ import annotations

from typing import Annotated

import typer

from swarmpy import SyncClient
from swarmpy.cli import render, when
from swarmpy.cli.flags import with_flags
from swarmpy.cli.options import Format, FormatOption, QuietOption, WaitFlags
from swarmpy.cli.plain import plain
from swarmpy.cli.waiting import wait
from swarmpy.pb.objects_pb2 import Revision

app = typer.Typer()
"""Its commands are some of those of `swarmpy service`."""

ServiceArgument = Annotated[str, typer.Argument(metavar="SERVICE")]


@app.command("rollback")
@with_flags
def rollback(
    service: ServiceArgument,
    to: Annotated[
        int, typer.Option("--to", metavar="REVISION", min=0, help="Default: the one before.")
    ] = 0,
    *,
    flags: WaitFlags,
) -> None:
    """Return to the spec before the last update, or to a revision, and wait for that."""
    with SyncClient.connect() as client:
        returned = client.rollback(service, revision=to)
        render.say(f"{returned.id} {returned.spec.name}")
        wait(client, returned, flags)


_REVISION_COLUMNS: render.Columns[Revision] = {
    "REVISION": lambda row: str(row.number),
    "IMAGE": lambda row: ", ".join(one.image for one in row.spec.task.containers),
    "REASON": lambda row: row.reason,
    "AGE": lambda row: when.age(row.created_at_ms),
}


@app.command("history")
def history(
    service: ServiceArgument, output: FormatOption = Format.TABLE, quiet: QuietOption = False
) -> None:
    """List what a service was asked to be; the last is what it is asked to be now."""
    with SyncClient.connect() as client:
        revisions = client.revisions(service)
    if quiet:
        render.show_ids(str(row.number) for row in revisions)
    else:
        render.show(revisions, _REVISION_COLUMNS, output, plain)


@app.command("pause")
def pause(service: ServiceArgument) -> None:
    """Let no update of a service go on, or begin, until it is resumed."""
    with SyncClient.connect() as client:
        render.say(client.pause(service).spec.name)


@app.command("resume")
@with_flags
def resume(service: ServiceArgument, flags: WaitFlags) -> None:
    """Let updates go on, also one that has stopped because it failed, and wait for that."""
    with SyncClient.connect() as client:
        resumed = client.resume(service)
        render.say(resumed.spec.name)
        wait(client, resumed, flags)


@app.command("restart")
@with_flags
def restart(service: ServiceArgument, flags: WaitFlags) -> None:
    """Replace every task as an update does, and wait for that; a job runs again."""
    with SyncClient.connect() as client:
        restarted = client.restart(service)
        render.say(f"{restarted.id} {restarted.spec.name}")
        wait(client, restarted, flags)
