"""Keeps the size of services as their use asks for. The decision is in core/autoscale.py.

No control loop, for what tasks use is in no row: it is asked of their nodes, four times a
minute, and forgotten with this time of leading. A new leader's first wish is the present size.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import structlog

from swarmpy.core.autoscale import Use, Wish, decide, is_autoscaled, window_ms, wish
from swarmpy.core.task_life import counts_for_service
from swarmpy.manager.dispatcher.roster import Roster
from swarmpy.manager.duty import repeat
from swarmpy.manager.gathering import Gathering
from swarmpy.manager.perform import perform
from swarmpy.manager.seat import Seat
from swarmpy.pb.dispatcher_pb2 import ManagerMessage, TaskUsage, UsageReport, UsageRequest
from swarmpy.pb.objects_pb2 import Service, Task
from swarmpy.store.editor import Editor

log = structlog.get_logger()

PATIENCE_S = 10.0
"""An engine takes a second for each sample, some at a time."""
NANO = 1e9


class Autoscaler:
    """What it remembers, it remembers of services that are autoscaled alone."""

    def __init__(self, seat: Seat, roster: Roster) -> None:
        self._seat = seat
        self._gathering: Gathering[UsageReport] = Gathering(seat, roster, PATIENCE_S)
        self._last: dict[str, TaskUsage] = {}
        """The sample before, by task."""
        self._wishes: dict[str, list[Wish]] = {}

    async def run(self) -> None:
        """Look over and over until cancelled."""
        every_s = self._seat.settings.autoscale_every_s
        await repeat(self.look, self._seat.clock, every_s, "not_autoscaled")

    def reported(self, node_id: str, report: UsageReport) -> None:
        """Take in what a node measured."""
        self._gathering.reported(node_id, report.request_id, report)

    async def look(self) -> None:
        """Ask what is used, and change the sizes that are due."""
        uses = await self._measured()
        services = self._autoscaled()
        self._wishes = {service.id: self._with_newest(service, uses) for service in services}
        if not services:
            return

        def write(tx: Editor) -> None:
            for service in self._autoscaled():
                wishes = self._wishes.get(service.id, [])
                decision = decide(service, wishes, self._seat.now_ms)
                perform(tx, decision.actions, self._seat.ids, self._seat.now_ms)

        await self._seat.write(write)

    def _autoscaled(self) -> list[Service]:
        return [service for service in self._seat.store.view.services if is_autoscaled(service)]

    def _tasks_of(self, service: Service) -> list[Task]:
        return self._seat.store.view.tasks.by("service_id", service.id)

    async def _measured(self) -> dict[str, Use]:
        """Return what the running tasks of autoscaled services have used since the look before."""
        asked: defaultdict[str, list[str]] = defaultdict(list)
        for service in self._autoscaled():
            for task in self._tasks_of(service):
                if counts_for_service(task):
                    asked[task.node_id].append(task.id)
        if not asked:
            self._last = {}
            return {}
        reports = await self._gathering.ask(
            asked,
            lambda round_id, node_id: ManagerMessage(
                usage=UsageRequest(id=round_id, task_ids=asked[node_id])
            ),
        )
        samples = {
            usage.task_id: usage
            for node_id, report in reports.items()
            for usage in report.usages
            if usage.task_id in asked[node_id]
        }
        before, self._last = self._last, samples
        return dict(_rates(before, samples.values()))

    def _with_newest(self, service: Service, uses: dict[str, Use]) -> list[Wish]:
        """Return the wishes that still count, and the one of now."""
        now_ms = self._seat.now_ms
        present = Wish(now_ms, service.spec.replicated.replicas)
        earlier = self._wishes.get(service.id, [present])
        since_ms = now_ms - window_ms(service.spec.autoscale)
        newest = wish(service, self._tasks_of(service), uses, now_ms)
        return [*(one for one in earlier if one.at_ms >= since_ms), newest]


def _rates(before: dict[str, TaskUsage], now: Iterable[TaskUsage]) -> Iterable[tuple[str, Use]]:
    """Yield what each task used between two samples; of a task's first one nothing is known."""
    for sample in now:
        earlier = before.get(sample.task_id)
        if earlier is None or sample.at_ms <= earlier.at_ms:
            continue
        seconds = (sample.at_ms - earlier.at_ms) / 1000
        used_s = max(0.0, sample.cpu_seconds - earlier.cpu_seconds)
        yield sample.task_id, Use(used_s / seconds * NANO, sample.memory_bytes)
