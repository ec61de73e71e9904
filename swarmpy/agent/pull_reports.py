"""Tells managers how far the images of tasks are that wait for one: at most every two seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmpy.pb.objects_pb2 import TaskStatus
from swarmpy.pb.types_pb2 import TASK_STATE_PREPARING

if TYPE_CHECKING:
    from swarmpy.agent.task_runner import Bench
    from swarmpy.agent.worker import Worker

EVERY_S = 2.0


class PullReports:
    """A task's own reports come first: it is told of only while it is being prepared."""

    def __init__(self, bench: Bench, worker: Worker) -> None:
        self._bench = bench
        self._worker = worker
        self._told: dict[str, str] = {}

    async def run(self) -> None:
        """Tell until cancelled."""
        while True:
            await self._bench.clock.sleep(EVERY_S)
            self.tell()

    def tell(self) -> None:
        """Tell once of every task whose image is further than it was."""
        told: dict[str, str] = {}
        for task_id, status in self._worker.statuses():
            if status.state != TASK_STATE_PREPARING:
                continue
            words = self._bench.runtime.progress(task_id)
            if words:
                told[task_id] = words
            if words and words != self._told.get(task_id):
                report = TaskStatus()
                report.CopyFrom(status)
                report.message = words
                self._bench.reporter.report(task_id, report)
        self._told = told
