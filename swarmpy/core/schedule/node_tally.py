"""What is used on a node: reserved resources, host ports, tasks by service, and failures."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TypeAlias, TypeVar

from swarmpy.core.requests import reservations_of
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

Version: TypeAlias = tuple[str, int]
"""Service id and spec version."""

K = TypeVar("K", bound=Hashable)


class NodeTally:
    """One node and what its tasks use. What is used up no more is not in it: no zeros.

    A task uses resources and host ports from its assignment until it is seen to have ended,
    whatever is wanted of it; for spreading it counts only while it is wanted.
    """

    __slots__ = (
        "by_service",
        "failures",
        "generic",
        "generic_in_all",
        "host_ports",
        "id",
        "is_tainted",
        "kept_for",
        "memory_bytes",
        "memory_bytes_in_all",
        "nano_cpus",
        "nano_cpus_in_all",
        "node",
        "repels",
        "tasks",
    )

    def __init__(self, node: Node) -> None:
        self.become(node)
        self.nano_cpus = 0
        self.memory_bytes = 0
        self.generic: dict[str, int] = {}
        """Kind -> how many are reserved."""
        self.host_ports: dict[HostPort, str] = {}
        """Whose it is: the name of a service."""
        self.tasks = 0
        self.by_service: dict[str, int] = {}
        self.failures: dict[Version, int] = {}
        """Tasks that failed within the last five minutes."""
        self.repels: dict[Term, dict[str, int]] = {}
        """Whom tasks here keep away: the names of the services that do, and their tasks."""

        self.kept_for: dict[str, tuple[int, str]] = {}
        """Tasks that wait for room here: their priority, and their service's name."""

    def become(self, node: Node) -> None:
        """Take in what the node is now; its tasks stay."""
        self.node = node
        self.id = node.id
        self.is_tainted = bool(node.spec.taints)
        self.nano_cpus_in_all = node.description.resources.nano_cpus
        self.memory_bytes_in_all = node.description.resources.memory_bytes
        self.generic_in_all = dict(node.description.resources.generic)

    @property
    def name(self) -> str:
        """Return what people call the node."""
        return self.node.description.hostname or self.node.id

    def add(self, task: Task) -> None:
        """Count a task that is, or is about to be, assigned here and has not ended."""
        for key in host_ports(task.ports):
            self.host_ports[key] = task.service_name
        self._count(task, 1)

    def remove(self, task: Task) -> None:
        """Count a task no more, as it was when it was added."""
        for key in host_ports(task.ports):
            self.host_ports.pop(key, None)
        self._count(task, -1)

    def keep_for(self, task: Task) -> None:
        """Keep tasks of lower priorities off, for one that was nominated."""
        self.kept_for[task.id] = (task.spec.priority, task.service_name)

    def count_failure(self, version: Version, step: int = 1) -> None:
        """Count a task that failed here not long ago; with a step of -1 no more."""
        _change(self.failures, version, step)

    def _count(self, task: Task, step: int) -> None:
        reserved = reservations_of(task.spec)
        self.nano_cpus += step * reserved.nano_cpus
        self.memory_bytes += step * reserved.memory_bytes
        for kind, count in reserved.generic.items():
            _change(self.generic, kind, step * count)
        if keeps_slot(task):
            self.tasks += step
            _change(self.by_service, task.service_id, step)
            for term in required_anti_terms(task.spec.placement):
                _change(self.repels.setdefault(term, {}), task.service_name, step)
                if not self.repels[term]:
                    del self.repels[term]


def _change(counts: dict[K, int], key: K, step: int) -> None:
    count = counts.get(key, 0) + step
    if count:
        counts[key] = count
    else:
        counts.pop(key, None)


def failed_lately(task: Task, now_ms: int) -> bool:
    """Say whether a task's failure still counts against its node."""
    return has_failed(task) and since_ms(task) > now_ms - FAILURES_COUNT_FOR_MS


def tally(nodes: Iterable[Node], tasks: Iterable[Task], now_ms: int) -> dict[str, NodeTally]:
    """Return a tally for each node, by its id, in the order of the nodes."""
    tallies = {node.id: NodeTally(node) for node in nodes}
    for task in tasks:
        if task.nominated_node_id in tallies and keeps_slot(task) and not has_node(task):
            tallies[task.nominated_node_id].keep_for(task)
        on = tallies.get(task.node_id)
        if on is None or not has_node(task):
            continue
        if not is_ended(task):
            on.add(task)
        elif failed_lately(task, now_ms):
            on.count_failure((task.service_id, task.spec_version))
    return tallies


def host_ports(ports: Iterable[PortConfig]) -> frozenset[HostPort]:
    """Return the ports that a task opens on its own node."""
    return frozenset(
        (port.protocol, port.published)
        for port in ports
        if port.mode == PUBLISH_MODE_HOST and port.published
    )
