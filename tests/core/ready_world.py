"""A toy world whose tasks may run without being ready."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from swarmpy.core.task_life import counts_for_service
from swarmpy.pb.objects_pb2 import Task
from swarmpy.pb.types_pb2 import TASK_STATE_RUNNING, TaskState
from tests.core.toy_world import ToyWorld


@dataclass
class ReadyWorld(ToyWorld):
    ready_after_ms: dict[str, float] = field(default_factory=dict)
    """How long tasks of an image run before they are ready; others are so at once."""

    def ready(self) -> int:
        """Return how many tasks serve."""
        return sum(counts_for_service(task) for task in self.tasks())

    def say_ready(self, task: Task, *, ready: bool = True) -> bool:
        """Report that a running task is ready, or is not any more."""
        with self.change() as tx, tx.tasks.edit(task.id) as row:
            row.status.unready = not ready
            row.status.readiness_since_ms = self.clock.now_ms
        return True

    def _ready_ms(self, task: Task) -> float:
        after_ms = self.ready_after_ms.get(task.spec.containers[0].image, math.inf)
        return task.status.started_at_ms + after_ms

    def _moments(self) -> Iterator[int]:
        yield from super()._moments()
        for task in self.view.tasks:
            ready_ms = self._ready_ms(task)
            if task.status.unready and self.clock.now_ms < ready_ms < math.inf:
                yield int(ready_ms)

    def _run(self, task: Task) -> bool:
        if task.status.unready and self._ready_ms(task) <= self.clock.now_ms:
            return self.say_ready(task)
        return super()._run(task)

    def _report(self, task: Task, state: TaskState.ValueType) -> bool:
        if state == TASK_STATE_RUNNING and task.spec.containers[0].image in self.ready_after_ms:
            with self.change() as tx, tx.tasks.edit(task.id) as row:
                row.status.unready = True
        return super()._report(task, state)
