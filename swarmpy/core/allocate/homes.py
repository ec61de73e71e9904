"""Tells new tasks which node their volumes keep them on, before they are placed.

A pinned volume that is nowhere yet goes where its first task goes; so one task with it is placed
at a time, and others wait until that has its node.
"""

from __future__ import annotations

from collections.abc import Iterable

from swarmpy.core.task_life import keeps_slot
from swarmpy.core.tell import task_name
from swarmpy.core.volumes import Find, Home, home_of, mounted, uses
from swarmpy.pb.objects_pb2 import Task
from swarmpy.pb.types_pb2 import TASK_STATE_PENDING


class Homes:
    """Where volumes are, and who is about to decide on those that are nowhere."""

    def __init__(self, tasks: Iterable[Task], find: Find) -> None:
        self._tasks = tasks
        self._find = find
        self._first: dict[str, Task] | None = None
        """Volume id -> the task that decides; None until somebody asks."""

    def of(self, task: Task) -> Home:
        """Return where a NEW task must go; its conflict is why it has to wait."""
        if not any(mounted(task.spec)):
            return Home()
        used = uses(task, self._find)
        home = home_of(task, used)
        if home.conflict or home.node_id:
            return home
        open_ones = [use for use in used if use.waits_for_a_node]
        if not open_ones:
            return home
        deciding = self._deciding()
        for use in open_ones:
            first = deciding.get(use.declared.id)
            if first is not None:
                why = f"volume {use.name} will be where {task_name(first)} is placed first"
                return Home(conflict=why)
        deciding.update((use.declared.id, task) for use in open_ones)
        return home

    def _deciding(self) -> dict[str, Task]:
        if self._first is None:
            waiting = [
                task
                for task in self._tasks
                if task.status.state == TASK_STATE_PENDING and keeps_slot(task)
            ]
            self._first = {
                use.declared.id: task
                for task in waiting
                for use in uses(task, self._find)
                if use.waits_for_a_node
            }
        return self._first
