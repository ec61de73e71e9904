"""Drains nodes for the time of their maintenance. The decision is in core/maintenance.py."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from swarmpy.core.actions import IN_ORDER, Decision
from swarmpy.core.maintenance import reconcile
from swarmpy.manager.loop import ControlLoop
from swarmpy.store.view import View
from swarmpy.store.watch import RowChange


class MaintenanceLoop(ControlLoop):
    """One key per node, woken by the times of its window."""

    tables: ClassVar[tuple[str, ...]] = ("nodes",)

    def keys(self, view: View) -> Iterable[str]:
        return [node.id for node in view.nodes]

    def touched(self, change: RowChange) -> Iterable[str]:
        return [change.id]

    def decide(self, view: View, key: str, now_ms: int) -> Decision:
        node = view.nodes.find(key)
        return IN_ORDER if node is None else reconcile(node, now_ms)
