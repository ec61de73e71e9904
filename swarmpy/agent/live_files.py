"""Keeps the files of running tasks that change in place as managers want them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import structlog

from swarmpy.agent.dependencies import refresh
from swarmpy.core.file_versions import config_references, is_live, secret_references
from swarmpy.errors import SwarmPyError
from swarmpy.pb.objects_pb2 import Task
from swarmpy.pb.types_pb2 import TASK_STATE_READY, TASK_STATE_RUNNING

if TYPE_CHECKING:
    from swarmpy.agent.task_runner import Bench
    from swarmpy.agent.worker import Worker

log = structlog.get_logger()

RETRY_S = 2.0


class LiveFiles:
    """Looks whenever something came from managers; files that are right already stay untouched."""

    def __init__(self, bench: Bench, worker: Worker) -> None:
        self._bench = bench
        self._worker = worker
        self._shown: dict[str, Mapping[str, str]] = {}
        """Task -> which version of each file it was shown last, by this process."""

    async def run(self) -> None:
        """Refresh until cancelled."""
        while True:
            await self._worker.files_due.wait()
            self._worker.files_due.clear()
            tasks = [task for task in self._worker.tasks() if _follows(task)]
            self._shown = {one.id: self._shown[one.id] for one in tasks if one.id in self._shown}
            # What is being made may have been made with files that are old by now.
            unsettled = [
                task.id
                for task in tasks
                if task.status.state < TASK_STATE_READY or not await self._refreshed(task)
            ]
            if unsettled:
                await self._bench.clock.sleep(RETRY_S)
                self._worker.files_due.set()

    async def _refreshed(self, task: Task) -> bool:
        """Show a task its newest files; say whether that is done with."""
        held = self._bench.needs
        wanted = held.of(task).newest
        if held.missing(task) or self._shown.get(task.id) == wanted:
            return True
        try:
            await refresh(self._bench.runtime, held, task)
        except (SwarmPyError, OSError) as error:
            log.warning("files_not_refreshed", task=task.id, error=str(error))
            return False
        self._shown[task.id] = wanted
        log.info("files_refreshed", task=task.id, service=task.service_name)
        return True


def _follows(task: Task) -> bool:
    """Say whether a task runs, or is about to, and has files that change in place."""
    references = (*config_references(task.spec), *secret_references(task.spec))
    return task.status.state <= TASK_STATE_RUNNING and any(map(is_live, references))
