"""Lets volumes go when they may. The decision is in core/volume_life.py."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from swarmpy.core.actions import IN_ORDER, Decision
from swarmpy.core.volume_life import decide
from swarmpy.manager.loop import ControlLoop
from swarmpy.store.view import View
from swarmpy.store.watch import RowChange


class VolumeLoop(ControlLoop):
    """One key per volume."""

    tables: ClassVar[tuple[str, ...]] = ("volumes", "services", "tasks", "nodes")

    def keys(self, view: View) -> Iterable[str]:
        return [volume.id for volume in view.volumes]

    def touched(self, change: RowChange) -> Iterable[str]:
        view = self.store.view
        match change.table:
            case "volumes":
                return [change.id]
            case "services":
                return [volume.id for volume in view.volumes.by("service_id", change.id)]
            case "tasks" if change.new is None:
                service_id = change.old.service_id
                return [volume.id for volume in view.volumes.by("service_id", service_id)]
            case "nodes" if change.new is None:
                return [volume.id for volume in view.volumes.by("node_id", change.id)]
            case _:
                return []

    def decide(self, view: View, key: str, now_ms: int) -> Decision:
        volume = view.volumes.find(key)
        if volume is None:
            return IN_ORDER
        nodes = {node_id for node_id in volume.node_ids if node_id in view.nodes}
        service = view.services.find(volume.service_id)
        tasks = view.tasks.by("service_id", volume.service_id) if volume.service_id else []
        return decide(volume, nodes, service, tasks)
