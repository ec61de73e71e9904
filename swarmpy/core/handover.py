"""Hands a slot over: a task made to wait starts once those before it have ended.

    old   RUNNING ───── SHUTDOWN asked ──── drained, stopped │
    new          NEW ── placed, image fetched, container made │ start

The wait is in the row (`stop_first`, `start_after_ms`), so a new leader goes on with it, and
it has a limit: an agent that does not tell of the end delays the start, no more. Only stateful
services wait without one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from swarmpy.core.actions import Action, StartAt
from swarmpy.core.mode import is_stateful
from swarmpy.core.slots import slots_of
from swarmpy.core.task_life import has_node, is_being_stopped, is_live, keeps_slot
from swarmpy.pb.objects_pb2 import Node, Service, Task
from swarmpy.pb.types_pb2 import NODE_STATE_DOWN, TASK_STATE_READY

DEFAULT_STOP_GRACE_S = 10.0
SLACK_S = 60.0
"""How much longer than its own grace a stopping task is waited for."""
UNTIL_THEY_END_MS = 253_402_300_799_000
"""The `start_after_ms` of a task that waits without a limit, the end of the year 9999: no two
tasks of a stateful service's slot may run at once."""


def limit_ms(service: Service, stopping: Iterable[Task], now_ms: int) -> int:
    """Return until when to wait for these tasks to end, if they were asked now."""
    if is_stateful(service):
        return UNTIL_THEY_END_MS
    longest_s = max((_stop_s(task) for task in stopping), default=0.0)
    return now_ms + int((longest_s + SLACK_S) * 1000)


def starts(
    tasks: Iterable[Task], nodes: Mapping[str, Node], now_ms: int
) -> Iterator[tuple[Action, ...]]:
    """Yield a step for each task of one service that has waited long enough.

    A task on a node that is down or gone is not waited for: it serves nobody any more.
    """
    for slot in slots_of(tasks):
        for place, task in enumerate(slot.tasks):
            if _waits(task, now_ms) and not any(
                _is_waited_for(before, task, nodes) for before in slot.tasks[:place]
            ):
                yield (StartAt(task.id, now_ms),)


def _waits(task: Task, now_ms: int) -> bool:
    may_start_yet = task.status.state <= TASK_STATE_READY
    return task.stop_first and keeps_slot(task) and may_start_yet and task.start_after_ms > now_ms


def _is_waited_for(before: Task, task: Task, nodes: Mapping[str, Node]) -> bool:
    if task.start_after_ms == UNTIL_THEY_END_MS:
        return has_node(before) and is_live(before)
    return is_being_stopped(before) and _can_tell(before, nodes)


def _can_tell(task: Task, nodes: Mapping[str, Node]) -> bool:
    """Say whether an agent will report the task's end."""
    node = nodes.get(task.node_id)
    return node is not None and node.status.state != NODE_STATE_DOWN


def _stop_s(task: Task) -> float:
    graces = [container.stop_grace_s or DEFAULT_STOP_GRACE_S for container in task.spec.containers]
    return task.drain_s + max(graces, default=DEFAULT_STOP_GRACE_S)
