"""Moves services to a new spec, and back. The decision is in core/rollout/rollout.py."""

from __future__ import annotations

from swarmpy.core.actions import Decision
from swarmpy.core.mode import LASTING
from swarmpy.core.rollout.rollout import roll_out
from swarmpy.manager.loops.by_service import ServiceLoop, nodes_of, tasks_of
from swarmpy.pb.objects_pb2 import Service
from swarmpy.store.view import View


class RolloutLoop(ServiceLoop):
    """One key per service that is to last."""

    modes = LASTING

    def decide_for(self, view: View, service: Service, now_ms: int) -> Decision:
        tasks = tasks_of(view, service)
        return roll_out(service, tasks, nodes_of(view, tasks), now_ms)
