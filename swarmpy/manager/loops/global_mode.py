"""Keeps one task of each global service on every node. Decided in core/global_mode.py."""

from __future__ import annotations

from collections.abc import Iterable

from swarmpy.core.actions import Decision
from swarmpy.core.global_mode import reconcile
from swarmpy.core.mode import GLOBAL
from swarmpy.manager.loops.by_service import FillingLoop, all_nodes, tasks_of
from swarmpy.pb.objects_pb2 import Service
from swarmpy.store.view import View
from swarmpy.store.watch import RowChange


class GlobalLoop(FillingLoop):
    """One key per global service; any change of a node concerns them all."""

    modes = frozenset({GLOBAL})

    def touched(self, change: RowChange) -> Iterable[str]:
        if change.table == "nodes":
            return self.keys(self.store.view)
        return super().touched(change)

    def decide_for(self, view: View, service: Service, now_ms: int) -> Decision:
        tasks = tasks_of(view, service)
        may_start = self.may_start(view, service, tasks)
        return reconcile(service, tasks, all_nodes(view), now_ms, may_start=may_start)
