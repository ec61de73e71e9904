"""Moves services to a new spec, and back. The decision is in core/rollout/rollout.py."""

from __future__ import annotations

from collections.abc import Iterable

from swarmpy.core.actions import IN_ORDER, Decision
from swarmpy.core.mode import LASTING
from swarmpy.core.rollout.rollout import is_at_rest, roll_out
from swarmpy.core.task_change import is_given_up
from swarmpy.ids import IdSource
from swarmpy.manager.loops.by_service import ServiceLoop, nodes_of, tasks_of
from swarmpy.pb.objects_pb2 import Service, Task
from swarmpy.seams import Clock
from swarmpy.store.store import Store
from swarmpy.store.view import View


class RolloutLoop(ServiceLoop):
    """One key per service that is to last."""

    modes = LASTING

    def __init__(self, store: Store, clock: Clock, ids: IdSource) -> None:
        super().__init__(store, clock, ids)
        self._at_rest: set[str] = set()
        """Services that are as they are asked to be, with one task in each slot."""

    def keys(self, view: View) -> Iterable[str]:
        self._at_rest.clear()
        return super().keys(view)

    def concerned(self, old: Task | None, new: Task | None) -> bool:
        """While a service is at rest, only tasks of another version and handovers matter."""
        if new is None or new.service_id not in self._at_rest:
            return True
        service = self.store.view.services.find(new.service_id)
        is_outdated = service is None or new.spec_version != service.spec_version
        return is_outdated or new.stop_first or is_given_up(new)

    def decide_for(self, view: View, service: Service, now_ms: int) -> Decision:
        tasks = tasks_of(view, service)
        decision = roll_out(service, tasks, nodes_of(view, tasks), now_ms)
        if decision == IN_ORDER and is_at_rest(service, tasks):
            self._at_rest.add(service.id)
        else:
            self._at_rest.discard(service.id)
        return decision
