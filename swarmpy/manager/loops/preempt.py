"""Makes room for waiting tasks of a higher priority. The decision is in core/preempt.py."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from swarmpy.core.actions import IN_ORDER, Decision
from swarmpy.core.preempt import may_displace, reconcile
from swarmpy.core.schedule.place import is_pending
from swarmpy.manager.loop import ControlLoop
from swarmpy.pb.objects_pb2 import Task
from swarmpy.store.view import View
from swarmpy.store.watch import RowChange

ROOM = "room"
"""The one key: who leaves for one task need not leave for another."""


class PreemptLoop(ControlLoop):
    """Woken by tasks that the scheduler found no node for, and by nodes."""

    tables: ClassVar[tuple[str, ...]] = ("tasks", "nodes")

    def keys(self, view: View) -> Iterable[str]:
        return (ROOM,)

    def touched(self, change: RowChange) -> Iterable[str]:
        if change.table == "nodes":
            return (ROOM,)
        return (ROOM,) if _has_no_node(change.new) and not _has_no_node(change.old) else ()

    def decide(self, view: View, key: str, now_ms: int) -> Decision:
        assert key == ROOM
        if not may_displace(view.services):
            return IN_ORDER
        services = {service.id: service for service in view.services}
        return reconcile(view.nodes, services, view.tasks, now_ms)


def _has_no_node(task: Task | None) -> bool:
    return task is not None and is_pending(task) and bool(task.pending_reason)
