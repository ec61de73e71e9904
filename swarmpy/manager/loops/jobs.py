"""Runs jobs to their end. The decision is in core/jobs.py."""

from __future__ import annotations

from collections.abc import Iterable

from swarmpy.core.actions import Decision
from swarmpy.core.jobs import reconcile
from swarmpy.core.mode import JOBS
from swarmpy.core.task_change import ends
from swarmpy.manager.loops.by_service import FillingLoop, all_nodes, tasks_of
from swarmpy.pb.objects_pb2 import Service, Task
from swarmpy.store.view import View
from swarmpy.store.watch import RowChange


class JobLoop(FillingLoop):
    """One key per job; any change of a node may concern a global one."""

    modes = JOBS

    def touched(self, change: RowChange) -> Iterable[str]:
        if change.table == "nodes":
            return self.keys(self.store.view)
        return super().touched(change)

    def concerned(self, old: Task | None, new: Task | None) -> bool:
        return super().concerned(old, new) or ends(old, new)

    def decide_for(self, view: View, service: Service, now_ms: int) -> Decision:
        tasks = tasks_of(view, service)
        may_start = self.may_start(view, service, tasks)
        return reconcile(service, tasks, all_nodes(view), now_ms, may_start=may_start)
