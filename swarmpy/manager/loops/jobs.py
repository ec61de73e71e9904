"""Runs jobs to their end. The decision is in core/jobs.py."""

from __future__ import annotations

from collections.abc import Iterable

from swarmpy.core.actions import Decision
from swarmpy.core.jobs import reconcile
from swarmpy.core.mode import JOBS
from swarmpy.manager.loops.by_service import StartingLoop, all_nodes, tasks_of
from swarmpy.pb.objects_pb2 import Service
from swarmpy.store.view import View
from swarmpy.store.watch import RowChange


class JobLoop(StartingLoop):
    """One key per job; any change of a node may concern a global one."""

    modes = JOBS

    def touched(self, change: RowChange) -> Iterable[str]:
        if change.table == "nodes":
            return self.keys(self.store.view)
        return super().touched(change)

    def decide_for(self, view: View, service: Service, now_ms: int) -> Decision:
        tasks = tasks_of(view, service)
        may_start = self.may_start(view, service, tasks)
        return reconcile(service, tasks, all_nodes(view), now_ms, may_start=may_start)
