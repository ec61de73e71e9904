"""A local picture of services and their tasks, kept true by a watch."""

from __future__ import annotations

from dataclasses import dataclass, field

from swarmpy.client.streams import Changes
from swarmpy.pb.objects_pb2 import Service, Task


@dataclass(slots=True)
class Picture:
    """What the watch has said so far."""

    index: int = 0
    """Everything committed up to here is in it."""
    services: dict[str, Service] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)

    def take(self, changes: Changes) -> None:
        """Bring the picture up to date."""
        if changes.resync:
            self.services.clear()
            self.tasks.clear()
        self.index = max(self.index, changes.index)
        for row in changes.rows:
            if isinstance(row, Service):
                self.services[row.id] = row
            elif isinstance(row, Task):
                self.tasks[row.id] = row
        for gone in changes.removed:
            if gone.table == "services":
                self.services.pop(gone.id, None)
            elif gone.table == "tasks":
                self.tasks.pop(gone.id, None)

    def tasks_of(self, service_id: str) -> list[Task]:
        """Return a service's tasks, by slot, then node, the oldest first."""
        mine = [task for task in self.tasks.values() if task.service_id == service_id]
        return sorted(mine, key=lambda task: (task.slot, task.node_id, task.created_at_ms, task.id))
