"""Keeps stateful services at their size, slot by slot. The decision is in core/stateful.py."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from swarmpy.core.actions import Decision
from swarmpy.core.mode import STATEFUL
from swarmpy.core.stateful import reconcile
from swarmpy.core.volumes import is_bound
from swarmpy.manager.loops.by_service import FillingLoop, nodes_of, tasks_of
from swarmpy.pb.objects_pb2 import Service, Task
from swarmpy.store.view import View
from swarmpy.store.watch import RowChange


class StatefulLoop(FillingLoop):
    """One key per stateful service."""

    tables: ClassVar[tuple[str, ...]] = ("services", "tasks", "nodes", "volumes")
    modes = frozenset({STATEFUL})

    def touched(self, change: RowChange) -> Iterable[str]:
        if change.table == "volumes":
            return [(change.new or change.old).service_id]
        return super().touched(change)

    def decide_for(self, view: View, service: Service, now_ms: int) -> Decision:
        tasks = tasks_of(view, service)
        may_start = self.may_start(view, service, tasks)
        bound = {task.id for task in tasks if _is_bound(view, task)}
        nodes = nodes_of(view, tasks)
        return reconcile(service, tasks, nodes, now_ms, may_start=may_start, bound=bound)


def _is_bound(view: View, task: Task) -> bool:
    """Say whether a task's data is on its node, and nobody has given it up."""
    used = (view.volumes.find(volume_id) for volume_id in task.volumes.values())
    return any(one is not None and is_bound(one) and not one.removing for one in used)
