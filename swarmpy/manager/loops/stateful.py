"""Keeps stateful services at their size, slot by slot. The decision is in core/stateful.py."""

from __future__ import annotations

from swarmpy.core.actions import Decision
from swarmpy.core.mode import STATEFUL
from swarmpy.core.stateful import reconcile
from swarmpy.manager.loops.by_service import FillingLoop, nodes_of, tasks_of
from swarmpy.pb.objects_pb2 import Service
from swarmpy.store.view import View


class StatefulLoop(FillingLoop):
    """One key per stateful service."""

    modes = frozenset({STATEFUL})

    def decide_for(self, view: View, service: Service, now_ms: int) -> Decision:
        tasks = tasks_of(view, service)
        may_start = self.may_start(view, service, tasks)
        return reconcile(service, tasks, nodes_of(view, tasks), now_ms, may_start=may_start)
