"""Keeps replicated services at their size: core/replicated.py decides, or core/stateful.py."""

from __future__ import annotations

from swarmpy.core import replicated, stateful
from swarmpy.core.actions import Decision
from swarmpy.core.mode import REPLICATED, is_stateful
from swarmpy.manager.loops.by_service import FillingLoop, nodes_of, tasks_of
from swarmpy.pb.objects_pb2 import Service
from swarmpy.store.view import View


class ReplicatedLoop(FillingLoop):
    """One key per replicated service."""

    modes = frozenset({REPLICATED})

    def decide_for(self, view: View, service: Service, now_ms: int) -> Decision:
        tasks = tasks_of(view, service)
        may_start = self.may_start(view, service, tasks)
        reconcile = stateful.reconcile if is_stateful(service) else replicated.reconcile
        return reconcile(service, tasks, nodes_of(view, tasks), now_ms, may_start=may_start)
