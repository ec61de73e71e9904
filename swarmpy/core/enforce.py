"""Says which nodes may run a task, and gives up tasks whose node will not tell their end.

A task must leave a node that is down, drained or removed, that no longer meets its
constraints, or that has a no-execute taint which it does not tolerate, or no longer. The loop
that fills the task's slot acts on that at once (`moves`), and the stopped task's agent reports
how it ended. An agent that cannot report is not waited for without end: its tasks become
ORPHANED once their node is removed, or down for a day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from swarmpy.core import tell
from swarmpy.core.actions import Action, CreateTask, Decision, EndTask, SetDesiredState, take
from swarmpy.core.new_task import successor
from swarmpy.core.schedule.constraint import matches
from swarmpy.core.schedule.taint import leave_at_ms, refusing, shown, tolerances
from swarmpy.core.slots import Slot
from swarmpy.core.task_life import has_node, is_being_stopped, is_live, wants_to_run
from swarmpy.pb.objects_pb2 import Node, Service, Task
from swarmpy.pb.specs_pb2 import TaskSpec
from swarmpy.pb.types_pb2 import (
    AVAILABILITY_DRAIN,
    AVAILABILITY_PAUSE,
    NODE_STATE_DOWN,
    NODE_STATE_READY,
    TASK_STATE_ORPHANED,
    TASK_STATE_SHUTDOWN,
)

ORPHANED_AFTER_MS = 24 * 3600 * 1000
"""How long a node may be down before its tasks are given up.

Longer keeps the addresses of tasks reserved that may still run behind a broken link; shorter
may give one address to two containers when the link heals.
"""


def takes_tasks(spec: TaskSpec, node: Node) -> bool:
    """Say whether a node without a task for `spec` should get one."""
    available = node.spec.availability not in {AVAILABILITY_PAUSE, AVAILABILITY_DRAIN}
    ready = node.status.state == NODE_STATE_READY
    return (
        ready
        and available
        and matches(spec.placement.constraints, node)
        and not refusing(tolerances(spec.placement), node)
    )


def must_leave(spec: TaskSpec, node: Node | None, now_ms: int) -> str:
    """Return why a task for `spec` cannot stay on a node; "" when it can.

    A node of which a new leader has heard nothing yet keeps its tasks, and so does a paused
    one.
    """
    if node is None:
        return "was removed"
    if node.status.state == NODE_STATE_DOWN:
        return "is down"
    if node.spec.availability == AVAILABILITY_DRAIN:
        return "is drained"
    if not matches(spec.placement.constraints, node):
        return "no longer meets the constraints"
    leaves = leave_at_ms(tolerances(spec.placement), node) if node.spec.taints else None
    if leaves is not None and now_ms >= leaves[0]:
        return f"has the taint {shown(leaves[1])}"
    return ""


def next_leave_ms(slots: Iterable[Slot], nodes: Mapping[str, Node], now_ms: int) -> int | None:
    """Return when the next task must leave that may stay for now; None when none ever must."""
    times = []
    for task in (task for slot in slots for task in slot.holders):
        node = nodes.get(task.node_id)
        if node is None or not node.spec.taints or not is_live(task):
            continue
        leaves = leave_at_ms(tolerances(task.spec.placement), node)
        if leaves is not None and leaves[0] > now_ms:
            times.append(leaves[0])
    return min(times, default=None)


def moves(
    service: Service, slots: Iterable[Slot], nodes: Mapping[str, Node], now_ms: int
) -> Iterator[tuple[Action, ...]]:
    """Yield a step for each task that must leave its node: it stops, another takes its place.

    Moving is no restart: no policy is asked and nothing is delayed. The first task that
    leaves a node tells of it.
    """
    told: set[str] = set()
    for task in (task for slot in slots for task in slot.holders):
        if not task.node_id or not is_live(task) or not wants_to_run(task):
            continue
        node = nodes.get(task.node_id)
        reason = must_leave(task.spec, node, now_ms)
        if reason:
            step = (SetDesiredState(task.id, TASK_STATE_SHUTDOWN), CreateTask(successor(task)))
            if task.node_id in told:
                yield step
            else:
                told.add(task.node_id)
                yield (*step, _moving(service, tell.node_name(node, task.node_id), reason))


def orphans(node_id: str, node: Node | None, tasks: Iterable[Task], now_ms: int) -> Decision:
    """Return which of a node's tasks to give up: those that managers have stopped already.

    `node` is None when it was removed.
    """
    waiting = [task for task in tasks if has_node(task) and is_being_stopped(task)]
    if not waiting or (node is not None and node.status.state != NODE_STATE_DOWN):
        return Decision()
    if node is not None and now_ms < (at_ms := node.status.since_ms + ORPHANED_AFTER_MS):
        return Decision(look_again_ms=at_ms)
    why = "was removed" if node is None else "has been down for a day"
    error = f"node {tell.node_name(node, node_id)} {why}"
    return take((EndTask(task.id, TASK_STATE_ORPHANED, error),) for task in waiting)


def _moving(service: Service, node: str, reason: str) -> Action:
    return tell.of_service(
        service,
        "TasksMoved",
        f"the tasks of {service.spec.name} on {node}, which {reason}, are started elsewhere",
        warning=True,
    )
