"""Tells managers how tasks fare: the newest status of each, again until it is acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import islice

from swarmpy.pb.dispatcher_pb2 import AgentMessage, StatusBatch, TaskReport
from swarmpy.pb.objects_pb2 import TaskStatus

Send = Callable[[AgentMessage], Awaitable[None]]

REPORTS_PER_BATCH = 500
"""Bounds one message: some 100 bytes each."""


class Reporter:
    """Holds at most one report per task, however long no manager answers."""

    def __init__(self) -> None:
        self._sequence = 0
        self._unacknowledged: dict[str, TaskReport] = {}
        """In the order of their sequence numbers."""
        self._sent = 0
        """The last sequence number that this session's manager was sent."""
        self._wake = asyncio.Event()

    def report(self, task_id: str, status: TaskStatus) -> None:
        """Send this status instead of any older one of the task."""
        self._sequence += 1
        self._unacknowledged.pop(task_id, None)
        self._unacknowledged[task_id] = TaskReport(
            task_id=task_id, status=status, sequence=self._sequence
        )
        self._wake.set()

    def forget(self, task_id: str) -> None:
        """Managers forgot the task: nobody waits for its reports."""
        self._unacknowledged.pop(task_id, None)

    def acknowledged(self, sequence: int) -> None:
        """Every report up to here is stored."""
        while self._unacknowledged:
            task_id, report = next(iter(self._unacknowledged.items()))
            if report.sequence > sequence:
                return
            del self._unacknowledged[task_id]

    async def run(self, send: Send) -> None:
        """Send what is not acknowledged, then whatever comes, for one session."""
        self._sent = 0
        self._wake.set()
        while True:
            await self._wake.wait()
            self._wake.clear()
            while batch := self._next_batch():
                self._sent = batch[-1].sequence
                await send(AgentMessage(statuses=StatusBatch(reports=batch)))

    def _next_batch(self) -> list[TaskReport]:
        unsent = (r for r in self._unacknowledged.values() if r.sequence > self._sent)
        return list(islice(unsent, REPORTS_PER_BATCH))
