"""Keeps one runner per task that this node was given, and nothing of any other task.

full set   forget what is not in it, and remove containers that belong to none of it
diff       only if it follows what was heard last; else the session begins anew
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import structlog

from swarmpy.agent.routes import Routes
from swarmpy.agent.task_runner import Bench, TaskRunner
from swarmpy.agent.volumes import Volumes
from swarmpy.core.step import DEFAULT_GRACE_S
from swarmpy.errors import SwarmPyError, Unavailable
from swarmpy.pb.dispatcher_pb2 import Assignment, AssignmentDiff, AssignmentRemoval, AssignmentSet
from swarmpy.pb.objects_pb2 import Task, TaskStatus
from swarmpy.pb.types_pb2 import TASK_STATE_ACCEPTED, TASK_STATE_READY
from swarmpy.task_group import TaskGroup

log = structlog.get_logger()

SWEEP_RETRY_S = 5.0


class Worker:
    """What managers assigned to this node, and who makes it real."""

    def __init__(self, bench: Bench, routes: Routes, volumes: Volumes) -> None:
        self._bench = bench
        self._routes = routes
        self._volumes = volumes
        self._runners: dict[str, TaskRunner] = {}
        self._version = 0
        self._group: TaskGroup | None = None
        self._sweep_due = asyncio.Event()
        self.files_due = asyncio.Event()
        """Set when files that change in place may have."""

    async def run(self) -> None:
        """Go on with the tasks that were written down, and run what comes, until cancelled."""
        async with TaskGroup() as group:
            self._group = group
            for task in self._bench.local.load():
                self._take_on(task)
                if task.status.state >= TASK_STATE_ACCEPTED:
                    self._bench.reporter.report(task.id, task.status)
            self._bench.changed.set()
            await self._sweep()

    async def tasks_changed(self) -> list[Task]:
        """Return every task here with its status, once any is not as it was returned last."""
        await self._bench.changed.wait()
        self._bench.changed.clear()
        return self.tasks()

    def tasks(self) -> list[Task]:
        """Return every task here with its status, as it was reported last."""
        return [runner.task for runner in self._runners.values()]

    def statuses(self) -> list[tuple[str, TaskStatus]]:
        """Return the id of every task here, with its status as it was reported last."""
        return [(task_id, runner.status) for task_id, runner in self._runners.items()]

    # --- what managers say

    def take_set(self, assigned: AssignmentSet) -> None:
        """Hold exactly this."""
        self._version = assigned.version
        needs = self._bench.needs
        for held in needs.tables():
            held.clear()
        self._routes.balancers.clear()
        tasks = self._take_items(assigned.items)
        for task in tasks:
            status = self._runners[task.id].status
            if status.state > task.status.state:
                self._bench.reporter.report(task.id, status)
        assigned_ids = {task.id for task in tasks}
        for task_id, runner in self._runners.items():
            if task_id not in assigned_ids:
                runner.forget()
        self._sweep_due.set()

    def take_diff(self, diff: AssignmentDiff) -> None:
        """Hold this in addition, or no longer.

        Raises:
            Unavailable: something between it and what was heard last is missing.
        """
        if diff.applies_to != self._version:
            raise Unavailable(
                f"assignments {diff.applies_to} were lost: this node holds {self._version}"
            )
        self._version = diff.results_in
        self._take_items(diff.changed)
        for removal in diff.removed:
            self._take_away(removal)

    def _take_items(self, items: Iterable[Assignment]) -> list[Task]:
        """Take everything in, the tasks last: they need the rest."""
        held: dict[str, dict[str, Any]] = {
            "config": self._bench.needs.configs,
            "secret": self._bench.needs.secrets,
            "network": self._bench.needs.networks,
            "volume": self._bench.needs.volumes,
            "load_balancer": self._routes.balancers,
            "newest": self._bench.needs.newest,
            "registry_credential": self._bench.needs.registries,
        }
        tasks = []
        for item in items:
            kind = item.WhichOneof("item")
            if kind == "task":
                tasks.append(item.task)
            elif kind is not None:
                row = getattr(item, kind)
                held[kind][row.id] = row
        self._routes.refresh()
        self._volumes.refresh()
        self.files_due.set()
        for task in tasks:
            if task.id in self._runners:
                self._runners[task.id].assign(task)
            else:
                self._take_on(task)
        for runner in self._runners.values():
            if runner.status.state < TASK_STATE_READY:
                runner.look_again()
        return tasks

    def _take_away(self, removal: AssignmentRemoval) -> None:
        needs = self._bench.needs
        match removal.table:
            case "tasks":
                if removal.id in self._runners:
                    self._runners[removal.id].forget()
            case "configs":
                needs.configs.pop(removal.id, None)
            case "secrets":
                needs.secrets.pop(removal.id, None)
            case "networks":
                needs.networks.pop(removal.id, None)
            case "volumes":
                needs.volumes.pop(removal.id, None)
            case "registry_credentials":
                needs.registries.pop(removal.id, None)
            case "newest":
                needs.newest.pop(removal.id, None)
            case "load_balancers":
                self._routes.balancers.pop(removal.id, None)
                self._routes.refresh()
            case _:
                log.warning("removal_not_understood", table=removal.table)

    # --- doing

    def _take_on(self, task: Task) -> None:
        assert self._group is not None, "assignments come while the worker runs"
        runner = TaskRunner(task, self._bench)
        self._runners[task.id] = runner
        self._group.create_task(self._run(task.id, runner), name=f"task {task.id}")

    async def _run(self, task_id: str, runner: TaskRunner) -> None:
        await runner.run()
        del self._runners[task_id]
        self._bench.changed.set()

    async def _sweep(self) -> None:
        """After each full set remove the containers of this node that belong to no task."""
        while True:
            await self._sweep_due.wait()
            self._sweep_due.clear()
            try:
                await self._remove_orphans()
            except (SwarmPyError, OSError) as error:
                log.warning("sweep_postponed", error=str(error))
                await self._bench.clock.sleep(SWEEP_RETRY_S)
                self._sweep_due.set()

    async def _remove_orphans(self) -> None:
        runtime = self._bench.runtime
        for container in await runtime.containers():
            if container.task_id in self._runners:
                continue
            log.warning("orphan_removed", task=container.task_id, running=container.running)
            if container.running:
                await runtime.stop(container.task_id, DEFAULT_GRACE_S)
            await runtime.remove(container.task_id)
