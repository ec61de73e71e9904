"""Gives up tasks whose node will not tell their end. The decision is in core/enforce.py."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from swarmpy.core.actions import Decision
from swarmpy.core.enforce import orphans
from swarmpy.core.task_life import is_being_stopped
from swarmpy.manager.loop import ControlLoop
from swarmpy.store.view import View
from swarmpy.store.watch import RowChange


class EnforceLoop(ControlLoop):
    """One key per node, also for one that is gone while tasks name it."""

    tables: ClassVar[tuple[str, ...]] = ("nodes", "tasks")

    def keys(self, view: View) -> Iterable[str]:
        named = {task.node_id: None for task in view.tasks if task.node_id}
        return {node.id: None for node in view.nodes} | named

    def touched(self, change: RowChange) -> Iterable[str]:
        if change.table == "nodes":
            return [change.id]
        if change.new is not None and change.new.node_id and is_being_stopped(change.new):
            return [change.new.node_id]
        return []

    def decide(self, view: View, key: str, now_ms: int) -> Decision:
        tasks = view.tasks.by("node_id", key)
        return orphans(key, view.nodes.find(key), tasks, now_ms)
