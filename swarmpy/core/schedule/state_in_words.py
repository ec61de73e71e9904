"""Says in one sentence what a task that has its node, or waits for something else, is doing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from swarmpy.core.one_at_a_time import may_run, waits_until_told
from swarmpy.core.schedule.node_tally import NodeTally
from swarmpy.core.slots import key_of
from swarmpy.core.task_life import has_failed, is_being_stopped, is_ended, is_ready, since_ms
from swarmpy.core.tell import seconds, why_ended
from swarmpy.pb.objects_pb2 import Task
from swarmpy.pb.types_pb2 import (
    NODE_STATE_DOWN,
    NODE_STATE_READY,
    TASK_STATE_ACCEPTED,
    TASK_STATE_ASSIGNED,
    TASK_STATE_NEW,
    TASK_STATE_PENDING,
    TASK_STATE_PREPARING,
    TASK_STATE_READY,
    TASK_STATE_RUNNING,
    TASK_STATE_STARTING,
    TaskState,
)

_DOES: Mapping[TaskState.ValueType, str] = {
    TASK_STATE_NEW: "waits for its addresses",
    TASK_STATE_PENDING: "is not wanted any more",
    TASK_STATE_ASSIGNED: "is assigned and waits for its node to accept it",
    TASK_STATE_ACCEPTED: "is accepted by its node",
    TASK_STATE_PREPARING: "is being prepared: its image is fetched and its container made",
    TASK_STATE_READY: "is prepared and waits to be started",
    TASK_STATE_STARTING: "is started and not healthy yet",
    TASK_STATE_RUNNING: "runs",
}


def state_in_words(
    task: Task, nodes: Mapping[str, NodeTally], tasks: Iterable[Task], now_ms: int
) -> str:
    """Return the sentence, without its subject: "runs on host-2"."""
    where = f" on {_name(task, nodes)}" if task.node_id else ""
    if is_ended(task):
        verb = "failed" if has_failed(task) else "ended"
        return f"{verb}{where} {seconds(_age_ms(task, now_ms))} ago: {why_ended(task)}"
    if is_being_stopped(task):
        return f"is being stopped{where}"
    parts = [_DOES.get(task.status.state, "is in an unknown state") + where]
    parts.extend(_waits(task, nodes, tasks, now_ms))
    if task.status.state != TASK_STATE_RUNNING:
        parts.extend(_failed_before(task, tasks, now_ms))
    return "; ".join(parts)


def _waits(
    task: Task, nodes: Mapping[str, NodeTally], tasks: Iterable[Task], now_ms: int
) -> Iterable[str]:
    if task.pending_reason:
        yield task.pending_reason
    if task.status.message and not is_ready(task):
        yield task.status.message
    if task.status.error:
        yield task.status.error
    if task.start_after_ms > now_ms and task.status.state <= TASK_STATE_READY:
        wait = seconds(task.start_after_ms - now_ms)
        if waits_until_told(task):
            yield from _waits_alone(task, nodes, tasks)
        elif task.stop_first:
            yield f"starts when the task before it has ended, in {wait} at the latest"
        else:
            yield f"starts in {wait}, when its restart delay is over"
    on = nodes.get(task.node_id)
    if on is not None and on.node.status.state != NODE_STATE_READY:
        yield f"{on.name} does not answer"


def _waits_alone(
    task: Task, nodes: Mapping[str, NodeTally], tasks: Iterable[Task]
) -> Iterable[str]:
    """Yield which tasks of its slot must be known to have ended first, and how to go on at once."""
    for other in tasks:
        same_slot = other.service_id == task.service_id and key_of(other) == key_of(task)
        if other.id == task.id or not same_slot or not may_run(other):
            continue
        name, on = _name(other, nodes), nodes.get(other.node_id)
        if on is None or on.node.status.state != NODE_STATE_DOWN:
            yield f"starts when {task.name} on {name} has ended"
        else:
            yield (
                f"starts when {task.name} on {name}, which is down, is known to have ended: "
                f"bring {name} back, or, if it runs no more, swarmpy node rm --force {name}"
            )


def _failed_before(task: Task, tasks: Iterable[Task], now_ms: int) -> Iterable[str]:
    """Yield how the last task in the same slot failed, if the last one did."""
    before = [
        other
        for other in tasks
        if other.service_id == task.service_id
        and key_of(other) == key_of(task)
        and other.id != task.id
        and is_ended(other)
    ]
    last = max(before, key=since_ms, default=None)
    if last is not None and has_failed(last):
        yield (f"the one before it failed {seconds(_age_ms(last, now_ms))} ago: {why_ended(last)}")


def _age_ms(task: Task, now_ms: int) -> int:
    return max(0, now_ms - since_ms(task))


def _name(task: Task, nodes: Mapping[str, NodeTally]) -> str:
    return nodes[task.node_id].name if task.node_id in nodes else task.node_id
