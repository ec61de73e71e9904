"""What is used on a node: reserved resources, host ports, tasks by service, and failures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from swarmpy.core.schedule.affinity import Term, required_anti_terms
from swarmpy.core.task_life import has_failed, has_node, is_ended, keeps_slot, since_ms
from swarmpy.pb.objects_pb2 import Node, Task
from swarmpy.pb.types_pb2 import (
    PUBLISH_MODE_HOST,
    PortConfig,
)

FAILURES_COUNT_FOR_MS = 5 * 60 * 1000

HostPort: TypeAlias = tuple[int, int]
"""Protocol and port."""


class NodeTally:
    """One node and what its tasks use. Grows with each task that is added.

    A task uses resources and host ports from its assignment until it is seen to have ended,
    whatever is wanted of it; for spreading it counts only while it is wanted.
    """

    __slots__ = (
        "by_service",
        "failures",
        "generic",
        "generic_in_all",
        "host_ports",
        "memory_bytes",
        "memory_bytes_in_all",
        "nano_cpus",
        "nano_cpus_in_all",
        "node",
        "repels",
        "tasks",
    )

    def __init__(self, node: Node) -> None:
        self.node = node
        self.nano_cpus_in_all = node.description.resources.nano_cpus
        self.memory_bytes_in_all = node.description.resources.memory_bytes
        self.generic_in_all = dict(node.description.resources.generic)
        self.nano_cpus = 0
        self.memory_bytes = 0
        self.generic: dict[str, int] = {}
        """Kind -> how many are reserved."""
        self.host_ports: dict[HostPort, str] = {}
        """Whose it is: the name of a service."""
        self.tasks = 0
        self.by_service: dict[str, int] = {}
        self.failures: dict[tuple[str, int], int] = {}
        """(service id, spec version) -> tasks that failed within the last five minutes."""

        self.repels: dict[Term, set[str]] = {}
        """Whom tasks here keep away, and the names of the services that do."""

    @property
    def name(self) -> str:
        """Return what people call the node."""
        return self.node.description.hostname or self.node.id

    def add(self, task: Task) -> None:
        """Count a task that is, or is about to be, assigned here and has not ended."""
        self.nano_cpus += task.spec.reservations.nano_cpus
        self.memory_bytes += task.spec.reservations.memory_bytes
        for kind, count in task.spec.reservations.generic.items():
            self.generic[kind] = self.generic.get(kind, 0) + count
        for key in host_ports(task.ports):
            self.host_ports[key] = task.service_name
        if keeps_slot(task):
            self.tasks += 1
            self.by_service[task.service_id] = self.by_service.get(task.service_id, 0) + 1
            for term in required_anti_terms(task.spec.placement):
                self.repels.setdefault(term, set()).add(task.service_name)

    def add_failure(self, task: Task) -> None:
        """Count a task that failed here not long ago."""
        key = (task.service_id, task.spec_version)
        self.failures[key] = self.failures.get(key, 0) + 1


def tally(nodes: Iterable[Node], tasks: Iterable[Task], now_ms: int) -> dict[str, NodeTally]:
    """Return a tally for each node, by its id, in the order of the nodes."""
    tallies = {node.id: NodeTally(node) for node in nodes}
    for task in tasks:
        on = tallies.get(task.node_id)
        if on is None or not has_node(task):
            continue
        if not is_ended(task):
            on.add(task)
        elif has_failed(task) and since_ms(task) > now_ms - FAILURES_COUNT_FOR_MS:
            on.add_failure(task)
    return tallies


def host_ports(ports: Iterable[PortConfig]) -> frozenset[HostPort]:
    """Return the ports that a task opens on its own node."""
    return frozenset(
        (port.protocol, port.published)
        for port in ports
        if port.mode == PUBLISH_MODE_HOST and port.published
    )
