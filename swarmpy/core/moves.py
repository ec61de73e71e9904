"""Takes tasks off nodes: each is stopped, and another one takes its place elsewhere.

What a node can no longer run moves at once. What is moved for the sake of a node, because it
is drained or balanced, moves as fast as the service's disruption budget allows. Moving is no
restart: no policy is asked and nothing is delayed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from swarmpy.core import tell
from swarmpy.core.actions import Action, CreateTask, SetDesiredState
from swarmpy.core.disruption import allowance, serves
from swarmpy.core.enforce import must_leave
from swarmpy.core.new_task import successor
from swarmpy.core.node_life import is_drained
from swarmpy.core.one_at_a_time import waiting
from swarmpy.core.slots import Slot
from swarmpy.core.task_life import has_node, is_live, keeps_slot, wants_to_run
from swarmpy.pb.objects_pb2 import Node, Service, Task
from swarmpy.pb.types_pb2 import TASK_STATE_SHUTDOWN


@dataclass(frozen=True, slots=True)
class Leaving:
    """Why a task leaves its node."""

    reason: str
    waits: bool
    """For its service's disruption budget."""
    is_of_node: bool = True
    """All the tasks there leave, not this one alone."""


def moves(
    service: Service, slots: Iterable[Slot], nodes: Mapping[str, Node], now_ms: int
) -> Iterator[tuple[Action, ...]]:
    """Yield a step for each task that leaves its node now. `slots` are all that are wanted."""
    kept = list(slots)
    due = list(_due(kept, nodes, now_ms))
    left = allowance(service, kept) if due else 0
    told = _left_before(kept, nodes) if due else set()
    for slot, task, leaving in due:
        if leaving.waits and serves(slot):
            if not left:
                continue
            left -= 1
        following = waiting(successor(task), slot.tasks)
        step = (SetDesiredState(task.id, TASK_STATE_SHUTDOWN), CreateTask(following))
        if leaving.is_of_node and task.node_id in told:
            yield step
        else:
            told.add(task.node_id)
            name = tell.node_name(nodes.get(task.node_id), task.node_id)
            yield (*step, _event(service, task, name, leaving))


def _due(
    slots: Iterable[Slot], nodes: Mapping[str, Node], now_ms: int
) -> Iterator[tuple[Slot, Task, Leaving]]:
    """Yield the tasks that must, or had better, leave their nodes, and why."""
    known: dict[tuple[str, int], Leaving | None] = {}
    for slot in slots:
        for task in slot.holders:
            if not has_node(task) or not is_live(task) or not wants_to_run(task):
                continue
            alike = (task.node_id, task.spec_version)
            if alike not in known:
                known[alike] = _must_leave(task, nodes.get(task.node_id), now_ms)
            leaving = known[alike] or _is_evicted(task)
            if leaving is not None:
                yield slot, task, leaving


def _must_leave(task: Task, node: Node | None, now_ms: int) -> Leaving | None:
    reason = must_leave(task.spec, node, now_ms)
    return Leaving(reason, waits=node is not None and is_drained(node)) if reason else None


def _is_evicted(task: Task) -> Leaving | None:
    if not task.HasField("eviction"):
        return None
    return Leaving(task.eviction.reason, waits=not task.eviction.at_once, is_of_node=False)


def _left_before(slots: Iterable[Slot], nodes: Mapping[str, Node]) -> set[str]:
    """Return the nodes that others left before, since they are as they are: that was told."""
    return {
        task.node_id
        for slot in slots
        for task in slot.tasks
        if not keeps_slot(task)
        and (node := nodes.get(task.node_id)) is not None
        and task.updated_at_ms >= node.updated_at_ms
    }


def _event(service: Service, task: Task, node: str, leaving: Leaving) -> Action:
    if leaving.is_of_node:
        return tell.of_service(
            service,
            "TasksMoved",
            f"the tasks of {service.spec.name} on {node}, which {leaving.reason}, "
            "are started elsewhere",
            warning=True,
        )
    return tell.of_service(
        service,
        "TaskEvicted",
        f"{tell.task_name(task)} is started elsewhere than on {node}: it {leaving.reason}",
    )
