"""Forgets what is over. The decisions are in core/reap.py and core/reap_stack.py."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from swarmpy.core.actions import IN_ORDER, Decision
from swarmpy.core.reap import reap
from swarmpy.core.reap_stack import reap_stack
from swarmpy.core.task_change import is_given_up
from swarmpy.manager.loop import ControlLoop
from swarmpy.manager.loops.by_service import nodes_of
from swarmpy.store.view import View
from swarmpy.store.watch import RowChange


class TaskReapLoop(ControlLoop):
    """One key per service, also for one that is gone while it has left tasks behind."""

    tables: ClassVar[tuple[str, ...]] = ("services", "tasks", "nodes", "clusters")

    def keys(self, view: View) -> Iterable[str]:
        left = {task.service_id: None for task in view.tasks if task.service_id}
        return {service.id: None for service in view.services} | left

    def touched(self, change: RowChange) -> Iterable[str]:
        match change.table:
            case "services":
                yield change.id
            case "tasks":
                if is_given_up(change.new):
                    yield (change.new or change.old).service_id
            case "nodes":
                for task in self.store.view.tasks.by("node_id", change.id):
                    yield task.service_id
            case "clusters":
                yield from self.keys(self.store.view)
            case _:
                raise AssertionError(change.table)

    def decide(self, view: View, key: str, now_ms: int) -> Decision:
        if not key:
            return IN_ORDER
        tasks = view.tasks.by("service_id", key)
        history = max((cluster.spec.task_history for cluster in view.clusters), default=0)
        service, revisions = view.services.find(key), view.revisions.by("service_id", key)
        return reap(key, service, tasks, nodes_of(view, tasks), history, revisions)


class StackReapLoop(ControlLoop):
    """One key per stack."""

    tables: ClassVar[tuple[str, ...]] = (
        "stacks",
        "services",
        "cron_jobs",
        "networks",
        "configs",
        "secrets",
    )

    def keys(self, view: View) -> Iterable[str]:
        return [stack.id for stack in view.stacks]

    def touched(self, change: RowChange) -> Iterable[str]:
        """Return every stack that is being removed: it may wait for others' services."""
        removing = [stack.id for stack in self.store.view.stacks.by("removing", "yes")]
        return [change.id, *removing] if change.table == "stacks" else removing

    def decide(self, view: View, key: str, now_ms: int) -> Decision:
        stack = view.stacks.find(key)
        if stack is None:
            return IN_ORDER
        belongings = {
            table: view.table(table).by("stack_id", key)
            for table in ("networks", "configs", "secrets")
        }
        return reap_stack(stack, belongings, (*view.services, *view.cron_jobs))
