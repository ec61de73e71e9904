"""Forgets old versions of configs and secrets once nothing refers to them any more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import structlog

from swarmpy.core.file_versions import family_of, outdated
from swarmpy.core.references import file_references
from swarmpy.core.task_life import is_live, keeps_slot
from swarmpy.manager.duty import repeat
from swarmpy.manager.seat import Seat
from swarmpy.pb.objects_pb2 import Config, Secret
from swarmpy.store.editor import Editor
from swarmpy.store.table import Table
from swarmpy.store.view import View

log = structlog.get_logger()

R = TypeVar("R", Config, Secret)


class OutdatedFiles:
    """Looks over and over. No control loop: what it deletes must not be named by a write that is
    under way, so it waits for its turn as these do.
    """

    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    async def run(self) -> None:
        """Forget until cancelled."""
        every_s = self._seat.settings.outdated_files_check_s
        await repeat(self.look, self._seat.clock, every_s, "outdated_files_kept")

    async def look(self) -> None:
        """Forget what is over now."""
        if not any(_over(self._seat.store.view)):
            return

        def decide(tx: Editor) -> None:
            for table, row in list(_over(tx.view)):
                log.info("file_version_forgotten", table=table, name=row.spec.name)
                (tx.configs if table == "configs" else tx.secrets).delete(row.id)

        await self._seat.write(decide)


def _over(view: View) -> Iterator[tuple[str, Config | Secret]]:
    """Yield (table, row) of each old version that no spec, past spec or task refers to."""
    over: list[tuple[str, Config | Secret]] = [
        *(("configs", row) for row in _unnamed(view, view.configs)),
        *(("secrets", row) for row in _unnamed(view, view.secrets)),
    ]
    if over:
        by_tasks = {
            file.id
            for task in view.tasks
            if is_live(task) or keeps_slot(task)
            for file in file_references(task.spec)
        }
        yield from ((table, row) for table, row in over if row.id not in by_tasks)


def _unnamed(view: View, table: Table[R]) -> Iterator[R]:
    """Yield the old versions that no spec refers to, present or past."""
    families = {family_of(row) for row in table if row.number}
    for family in families:
        rows = table.by("family", family)
        users = (view.services, view.revisions, view.cron_jobs)
        named = {row.id for row in rows if any(of.by("file", row.id) for of in users)}
        yield from outdated(rows, named)
