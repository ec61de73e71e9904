"""Keeps replicated services at their size. The decision is in core/replicated.py."""

from __future__ import annotations

from swarmpy.core.actions import Decision
from swarmpy.core.mode import REPLICATED
from swarmpy.core.replicated import reconcile
from swarmpy.manager.loops.by_service import FillingLoop, nodes_of, tasks_of
from swarmpy.pb.objects_pb2 import Service
from swarmpy.store.view import View


class ReplicatedLoop(FillingLoop):
    """One key per replicated service."""

    modes = frozenset({REPLICATED})

    def decide_for(self, view: View, service: Service, now_ms: int) -> Decision:
        tasks = tasks_of(view, service)
        may_start = self.may_start(view, service, tasks)
        return reconcile(service, tasks, nodes_of(view, tasks), now_ms, may_start=may_start)
