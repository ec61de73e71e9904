"""Every change of what is asked for, beginning with what is there now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from swarmpy.errors import InvalidInput
from swarmpy.manager.api.secrets import without_data
from swarmpy.manager.seat import Seat
from swarmpy.manager.serving import Send
from swarmpy.pb.control_pb2 import RemovedRow, WatchBatch, WatchChange, WatchRequest
from swarmpy.store.view import View
from swarmpy.store.watch import Commit, RowChange

COMMITS_WAITING = 256
"""For one slow client; past it they become one resync."""
FIELD_OF = {
    "nodes": "node",
    "services": "service",
    "cron_jobs": "cron_job",
    "tasks": "task",
    "networks": "network",
    "configs": "config",
    "secrets": "secret",
    "volumes": "volume",
    "stacks": "stack",
    "events": "event",
}
"""Tables that may be watched. Clusters and join tokens hold what nobody may see."""


class Watch:
    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    async def watch(self, request: WatchRequest, send: Send) -> None:
        """Send everything that fits, then a batch per commit that touches it, without end. A
        client that does not keep up is sent everything again.
        """
        unknown = [table for table in request.tables if table not in FIELD_OF]
        if unknown:
            raise InvalidInput(
                f"tables: {unknown[0]!r} is unknown, expected some of {', '.join(FIELD_OF)}"
            )
        interest = Interest(await self._seat.read(), request)
        store = self._seat.store
        with store.watching(interest.tables, COMMITS_WAITING) as watch:
            async for commit in watch:
                batch = interest.batch(store.view, store.index, commit)
                if batch is not None:
                    await send(batch)


class Interest:
    """Which rows one watch is about."""

    def __init__(self, view: View, request: WatchRequest) -> None:
        """Raises NotFound when the service or stack does not exist."""
        self.tables = tuple(request.tables) or tuple(FIELD_OF)
        self._stack_id = view.stacks.resolve(request.stack).id if request.stack else ""
        self._services: set[str] = set()
        if request.service:
            self._services.add(view.services.resolve(request.service).id)
        self._is_narrow = bool(request.stack or request.service)

    def batch(self, view: View, index: int, commit: Commit) -> WatchBatch | None:
        """Return what a commit means for this watch; None when nothing."""
        if commit.resync:
            return WatchBatch(index=index, resync=True, changes=self._everything(view))
        changes = list(self._changes(view, commit.changes))
        return WatchBatch(index=commit.index, changes=changes) if changes else None

    def _everything(self, view: View) -> Iterator[WatchChange]:
        for table in self.tables:
            for row in view.table(table):
                if self._fits(view, table, row):
                    yield _shown(table, row)

    def _changes(self, view: View, changes: Iterable[RowChange]) -> Iterator[WatchChange]:
        for change in changes:
            if not self._fits(view, change.table, change.new or change.old):
                continue
            if change.new is None:
                yield WatchChange(removed=RemovedRow(table=change.table, id=change.id))
            else:
                yield _shown(change.table, change.new)

    def _fits(self, view: View, table: str, row: Any) -> bool:
        if not self._is_narrow:
            return True
        match table:
            case "services" | "cron_jobs":
                return self._is_wanted(view, row.id) or row.stack_id == self._stack_id != ""
            case "tasks":
                return self._is_wanted(view, row.service_id)
            case "stacks":
                return bool(row.id == self._stack_id)
            case "events":
                task = view.tasks.find(row.object_id)
                service_id = row.object_id if task is None else task.service_id
                return self._is_wanted(view, service_id)
            case _:
                return False

    def _is_wanted(self, view: View, service_id: str) -> bool:
        """Remember a stack's services: their tasks may go after them."""
        service = view.services.find(service_id)
        if service is not None and service.stack_id == self._stack_id != "":
            self._services.add(service_id)
        return service_id in self._services


def _shown(table: str, row: Any) -> WatchChange:
    if table == "secrets":
        row = without_data(row)
    fields: dict[str, Any] = {FIELD_OF[table]: row}
    return WatchChange(**fields)
