"""Says which nodes may run a task, and gives up tasks whose node will not tell their end.

A task must leave a node that is down, drained or removed, that no longer meets its
constraints, or that has a no-execute taint which it does not tolerate, or no longer. The loop
that fills the task's slot acts on that (moves.py), and the stopped task's agent reports how it
ended. An agent that cannot report is not waited for without end: its tasks become ORPHANED
once their node is removed, or down for a day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from swarmpy.core import tell
from swarmpy.core.actions import Decision, EndTask, take
from swarmpy.core.node_life import is_drained, takes_new_tasks
from swarmpy.core.schedule.constraint import matches
from swarmpy.core.schedule.taint import leave_at_ms, refusing, shown, tolerances
from swarmpy.core.slots import Slot
from swarmpy.core.task_life import has_node, is_being_stopped, is_live
from swarmpy.pb.objects_pb2 import Node, Task
from swarmpy.pb.specs_pb2 import TaskSpec
from swarmpy.pb.types_pb2 import NODE_STATE_DOWN, TASK_STATE_ORPHANED

ORPHANED_AFTER_MS = 24 * 3600 * 1000
"""How long a node may be down before its tasks are given up.

Longer keeps the addresses of tasks reserved that may still run behind a broken link; shorter
may give one address to two containers when the link heals.
"""


def takes_tasks(spec: TaskSpec, node: Node) -> bool:
    """Say whether a node without a task for `spec` should get one."""
    return (
        takes_new_tasks(node)
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
    if is_drained(node):
        return "is in maintenance" if node.in_maintenance else "is drained"
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
