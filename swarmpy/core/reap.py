"""Forgets what is over: removed tasks, history beyond its length, removed services."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from swarmpy.core.actions import (
    Action,
    Decision,
    DeleteRow,
    DeleteTask,
    SetDesiredState,
    take,
)
from swarmpy.core.job_run import failures_counted
from swarmpy.core.one_at_a_time import is_alone
from swarmpy.core.restart import history_needed
from swarmpy.core.slots import Slot, slots_of
from swarmpy.core.task_life import has_node, is_ended, keeps_slot
from swarmpy.pb.objects_pb2 import Node, Revision, Service, Task
from swarmpy.pb.types_pb2 import NODE_STATE_DOWN, TASK_STATE_REMOVE

DEFAULT_HISTORY = 5
"""Ended tasks kept per slot, for people, unless the cluster's spec says another number."""


def remove(tasks: Iterable[Task]) -> Iterator[tuple[Action, ...]]:
    """Yield the steps that have these tasks stopped and then forgotten."""
    for task in tasks:
        if task.desired_state != TASK_STATE_REMOVE:
            yield (SetDesiredState(task.id, TASK_STATE_REMOVE),)


def reap(
    service_id: str,
    service: Service | None,
    tasks: Iterable[Task],
    nodes: Mapping[str, Node],
    history: int,
    revisions: Iterable[Revision] = (),
) -> Decision:
    """Return what to forget of a service: all its tasks when it is gone (None).

    `nodes` holds at least those that its tasks are on; `history` is the cluster's, 0 for the
    default; `revisions` are the service's.
    """
    rows = list(tasks)
    if service is not None and service.removing and not rows:
        remembered = (DeleteRow("revisions", revision.id) for revision in revisions)
        return Decision((*remembered, DeleteRow("services", service_id)))
    slots = slots_of(rows)
    kept = max(history or DEFAULT_HISTORY, failures_counted(service))
    over = [task for task in rows if _is_over(task, nodes)]
    lost = rows if service is None else []
    return take(
        (
            *((DeleteTask(task.id),) for task in over),
            *((DeleteTask(task.id),) for slot in slots for task in _too_old(slot, kept)),
            *remove(task for task in lost if task not in over),
        )
    )


def _is_over(task: Task, nodes: Mapping[str, Node]) -> bool:
    """Say whether nobody needs the row any more.

    A task that is stopped before it had a node leaves no trace. One to be removed from a node
    that is down or gone is not waited for: should the node come back, its agent is told all
    that it shall run, and stops the rest. But one that must be alone in its slot is waited for.
    """
    if keeps_slot(task) or is_ended(task):
        return task.desired_state == TASK_STATE_REMOVE
    if not has_node(task):
        return True
    node = nodes.get(task.node_id)
    is_away = node is None or (node.status.state == NODE_STATE_DOWN and not is_alone(task))
    return task.desired_state == TASK_STATE_REMOVE and is_away


def _too_old(slot: Slot, history: int) -> list[Task]:
    """Return the ended tasks beyond the slot's history; never those its restart policy counts."""
    ended = [
        task
        for task in slot.tasks
        if is_ended(task) and not keeps_slot(task) and task.desired_state != TASK_STATE_REMOVE
    ]
    policy = slot.tasks[-1].spec.restart
    keep = max(history, history_needed(policy))
    return ended[: max(0, len(ended) - keep)]
