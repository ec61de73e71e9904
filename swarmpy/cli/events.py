"""`swarmpy events`: what happened."""

from __future__ import annotations

from typing import Annotated

import typer

from swarmpy import SyncClient
from swarmpy.cli import render, when
from swarmpy.cli.noun import verb
from swarmpy.cli.options import Format, FormatOption
from swarmpy.cli.plain import plain, word
from swarmpy.pb.objects_pb2 import Event, EventLevel

app = verb()

_COLUMNS: render.Columns[Event] = {
    "TIME": lambda event: when.moment(event.created_at_ms),
    "LEVEL": lambda event: word(EventLevel.DESCRIPTOR, event.level),
    "OBJECT": lambda event: f"{event.kind} {event.object_name or event.object_id}",
    "REASON": lambda event: event.reason,
    "MESSAGE": lambda event: event.message,
}


@app.command()
def events(
    ref: Annotated[
        str, typer.Argument(metavar="[OBJECT]", help="Id or name; none is all.", show_default=False)
    ] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new ones.")] = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """Show what happened, the oldest first."""
    with SyncClient.connect() as client:
        past = client.events(ref)
        render.show(past, _COLUMNS, output, plain)
        if follow:
            _follow(client, ref, {event.id for event in past}, output)


def _follow(client: SyncClient, ref: str, seen: set[str], output: Format) -> None:
    for changes in client.watch(["events"]):
        for row in changes.rows:
            if isinstance(row, Event) and row.id not in seen and ref in _names(row):
                render.show_one(row, _COLUMNS, output, plain)
        if changes.resync:
            seen = {row.id for row in changes.rows}
        else:
            seen.difference_update(gone.id for gone in changes.removed)
            seen.update(row.id for row in changes.rows)


def _names(event: Event) -> set[str]:
    return {"", event.object_id, event.object_name}
