"""Stores what agents report of their tasks: the newest per task, many in one commit.

session a ──┐                        every 50 ms at most
session b ──┼──> newest per task ──> one transaction ──> acknowledged
session c ──┘
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from itertools import islice

import structlog

from swarmpy.core.pod_events import pod_events
from swarmpy.core.task_life import may_become
from swarmpy.errors import Conflict
from swarmpy.manager.dispatcher.session import Session
from swarmpy.manager.image_pins import pin
from swarmpy.manager.perform import perform
from swarmpy.manager.seat import Seat
from swarmpy.pb.dispatcher_pb2 import TaskReport
from swarmpy.pb.objects_pb2 import TaskStatus
from swarmpy.pb.types_pb2 import TASK_STATE_ACCEPTED, TASK_STATE_REJECTED
from swarmpy.store.editor import Editor

log = structlog.get_logger()

STATUSES_PER_TRANSACTION = 500
"""Bounds one log entry."""


class Statuses:
    """Takes reports from all sessions and commits them. Holds one status per task at most."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._newest: dict[str, TaskStatus] = {}
        self._unacknowledged: dict[Session, int] = {}
        self._wake = asyncio.Event()

    def report(self, session: Session, reports: Iterable[TaskReport]) -> None:
        """Take one batch of a session's node. It is acknowledged once it is stored, or of no
        use: about a task that is gone, is another node's, or is further on already.
        """
        for report in reports:
            if self._is_its_own(session, report):
                known = self._newest.get(report.task_id)
                if known is None or report.status.state >= known.state:
                    self._newest[report.task_id] = report.status
            sequence = max(report.sequence, self._unacknowledged.get(session, 0))
            self._unacknowledged[session] = sequence
            self._wake.set()

    async def run(self) -> None:
        """Commit what waits, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._store()
            await self._seat.clock.sleep(self._seat.settings.status_delay_s)

    async def _store(self) -> None:
        """Commit everything that waits now; what could not be committed goes on waiting."""
        waiting, unacknowledged = dict(self._newest), dict(self._unacknowledged)
        try:
            rest = iter(waiting.items())
            while batch := dict(islice(rest, STATUSES_PER_TRANSACTION)):
                async with self._seat.store.update() as tx:
                    write_statuses(self._seat, tx, batch)
        except Conflict:
            self._wake.set()
            return
        for task_id, status in waiting.items():
            if self._newest[task_id] is status:
                del self._newest[task_id]
        for session, sequence in unacknowledged.items():
            session.acknowledge(sequence)
            if self._unacknowledged[session] == sequence:
                del self._unacknowledged[session]

    def _is_its_own(self, session: Session, report: TaskReport) -> bool:
        """A task never moves, so who may report on it is known before its turn comes."""
        task = self._seat.store.view.tasks.find(report.task_id)
        if task is None:
            return False
        state = report.status.state
        if task.node_id != session.node_id:
            log.warning("report_refused", task=task.id, node=session.node_id, why="not its task")
            return False
        if not TASK_STATE_ACCEPTED <= state <= TASK_STATE_REJECTED:
            log.warning("report_refused", task=task.id, node=session.node_id, state=state)
            return False
        return True


def write_statuses(seat: Seat, tx: Editor, newest: Mapping[str, TaskStatus]) -> None:
    """Write each status that its task may have after what is stored, and tell of what is new."""
    for task_id, status in newest.items():
        task = tx.view.tasks.find(task_id)
        if task is not None and may_become(task.status.state, status.state):
            with tx.tasks.edit(task_id) as edited:
                edited.status.CopyFrom(status)
            if status.image_digests:
                pin(tx, edited)
            perform(tx, pod_events(task, status), seat.ids, seat.now_ms)
