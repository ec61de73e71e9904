"""Replaces tasks that ended by themselves. The decision is in core/restart.py."""

from __future__ import annotations

from typing import ClassVar

from swarmpy.core.actions import Decision
from swarmpy.core.mode import JOBS, LASTING
from swarmpy.core.restart import restart
from swarmpy.core.task_change import awaits_restart
from swarmpy.manager.loops.by_service import ServiceLoop, tasks_of
from swarmpy.pb.objects_pb2 import Service, Task
from swarmpy.store.view import View


class RestartLoop(ServiceLoop):
    """One key per service."""

    tables: ClassVar[tuple[str, ...]] = ("services", "tasks")
    modes = LASTING | JOBS

    def concerned(self, old: Task | None, new: Task | None) -> bool:
        return awaits_restart(new)

    def decide_for(self, view: View, service: Service, now_ms: int) -> Decision:
        return restart(service, tasks_of(view, service), now_ms)
