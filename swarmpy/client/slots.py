"""Which tasks of a service count: a slot's newest task, of the newest spec, decides.

Tasks that replace each other share a slot; where there are no numbered slots, a node is one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from swarmpy.core.mode import is_job
from swarmpy.core.new_task import is_of_this_version
from swarmpy.core.pod import crash_loop
from swarmpy.core.restart import may_end
from swarmpy.core.slots import SlotKey, key_of
from swarmpy.core.task_life import (
    has_completed,
    has_failed,
    is_live,
    is_ready,
    keeps_slot,
    wants_to_run,
)
from swarmpy.core.tell import task_name, why_ended
from swarmpy.pb.objects_pb2 import Service, Task
from swarmpy.pb.types_pb2 import TASK_STATE_COMPLETE

FAILURES_ALLOWED = 3
"""So often one slot may fail while somebody waits before it counts as unhealthy."""


@dataclass(frozen=True, slots=True)
class Slot:
    """The tasks of the newest spec that were made for one slot, oldest first; at least one."""

    service: Service
    tasks: tuple[Task, ...]

    @property
    def newest(self) -> Task:
        return self.tasks[-1]

    @property
    def is_wanted(self) -> bool:
        """It was not scaled away."""
        return keeps_slot(self.newest)

    @property
    def is_served(self) -> bool:
        """It is as asked: running and ready, or ended well where it may end."""
        if is_ready(self.newest):
            return wants_to_run(self.newest) and not is_job(self.service)
        return self.is_wanted and has_completed(self.newest) and may_end(self.service, self.newest)

    def failures(self, since_version: int = 0) -> list[Task]:
        """Return its tasks that ended and should not have, after `since_version`."""
        return [
            task
            for task in self.tasks
            if task.version > since_version
            and (has_failed(task) or (has_completed(task) and not may_end(self.service, task)))
        ]

    def unhealthy(self, since_version: int) -> str:
        """Return why it counts as unhealthy, if it does: given up, or failed too often."""
        looping = crash_loop(self.newest.status.containers)
        if looping and is_live(self.newest) and self.is_wanted:
            return f"{task_name(self.newest)}: {looping}"
        failures = self.failures(since_version)
        if self.is_served or not failures:
            return ""
        given_up = failures[-1] == self.newest and self.newest.desired_state == TASK_STATE_COMPLETE
        if not given_up and len(failures) < FAILURES_ALLOWED:
            return ""
        times = "failed" if len(failures) == 1 else f"failed {len(failures)} times"
        return f"{task_name(failures[-1])} {times}: {why_ended(failures[-1])}"


def slots_of(service: Service, tasks: Iterable[Task]) -> list[Slot]:
    """Group a service's tasks of the newest spec; `tasks` are in the order of slots."""
    groups: dict[SlotKey, list[Task]] = {}
    for task in tasks:
        if is_of_this_version(service, task):
            groups.setdefault(key_of(task), []).append(task)
    for group in groups.values():
        group.sort(key=lambda task: (is_live(task) and keeps_slot(task), task.created_at_ms))
    return [Slot(service, tuple(group)) for group in groups.values()]


def is_left_over(service: Service, task: Task) -> bool:
    """Whether it is of an older spec and nobody has told it to stop."""
    return is_live(task) and keeps_slot(task) and not is_of_this_version(service, task)
