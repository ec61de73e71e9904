"""Hands a slot over: a task made to wait starts once those before it have ended.

    old   RUNNING ───── SHUTDOWN asked ──── drained, stopped │
    new          NEW ── placed, image fetched, container made │ start

Where two must never run at once, the wait has no limit and an agent is waited for that cannot
tell (one_at_a_time.py).

The wait is in the row (`stop_first`, `start_after_ms`), so a new leader goes on with it, and
it has a limit: an agent that does not tell of the end delays the start, no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from swarmpy.core.actions import Action, StartAt
from swarmpy.core.one_at_a_time import is_alone, may_run
from swarmpy.core.slots import Slot, slots_of
from swarmpy.core.task_life import is_being_stopped, keeps_slot
from swarmpy.pb.objects_pb2 import Node, Task
from swarmpy.pb.types_pb2 import NODE_STATE_DOWN, TASK_STATE_READY

DEFAULT_STOP_GRACE_S = 10.0
SLACK_S = 60.0
"""How much longer than its own grace a stopping task is waited for."""


def limit_ms(stopping: Iterable[Task], now_ms: int) -> int:
    """Return until when to wait for these tasks to end, if they were asked now."""
    longest_s = max((_stop_s(task) for task in stopping), default=0.0)
    return now_ms + int((longest_s + SLACK_S) * 1000)


def starts(
    tasks: Iterable[Task], nodes: Mapping[str, Node], now_ms: int
) -> Iterator[tuple[Action, ...]]:
    """Yield a step for each task of one service that has waited long enough.

    A task on a node that is down or gone is not waited for: it serves nobody any more. But where
    a task must be alone in its slot, every other one is.
    """
    for slot in slots_of(tasks):
        if is_alone(slot.tasks[-1]):
            yield from _start_alone(slot, now_ms)
            continue
        for place, task in enumerate(slot.tasks):
            if _waits(task, now_ms) and not any(
                is_being_stopped(before) and _can_tell(before, nodes)
                for before in slot.tasks[:place]
            ):
                yield (StartAt(task.id, now_ms),)


def _start_alone(slot: Slot, now_ms: int) -> Iterator[tuple[Action, ...]]:
    first = next((task for task in slot.tasks if _waits(task, now_ms)), None)
    if first is not None and not any(may_run(task) for task in slot.tasks):
        yield (StartAt(first.id, now_ms),)


def _waits(task: Task, now_ms: int) -> bool:
    may_start_yet = task.status.state <= TASK_STATE_READY
    return task.stop_first and keeps_slot(task) and may_start_yet and task.start_after_ms > now_ms


def _can_tell(task: Task, nodes: Mapping[str, Node]) -> bool:
    """Say whether an agent will report the task's end."""
    node = nodes.get(task.node_id)
    return node is not None and node.status.state != NODE_STATE_DOWN


def _stop_s(task: Task) -> float:
    graces = [container.stop_grace_s or DEFAULT_STOP_GRACE_S for container in task.spec.containers]
    return task.drain_s + max(graces, default=DEFAULT_STOP_GRACE_S)
