"""What a task needs of a node, and the interface of everything that can refuse a node.

A filter is asked only when the task needs something of it. `passes` is on the hot path and
builds no text; `sentence` does, for people, whether the node passed or not.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import ClassVar

from swarmpy.core.requests import reservations_of
from swarmpy.core.schedule.affinity import SkewRule, Term, skew_rules, terms_of
from swarmpy.core.schedule.domains import Domains
from swarmpy.core.schedule.neighbours import Neighbours
from swarmpy.core.schedule.node_tally import HostPort, NodeTally, host_ports
from swarmpy.core.schedule.taint import Tolerance, tolerances
from swarmpy.pb.objects_pb2 import Task

_SAME_ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}
"""What some engines say, and what it is called here."""


@dataclass(frozen=True, slots=True)
class Need:
    """What a task asks of a node; the same for all tasks of one service and spec version."""

    service_id: str
    nano_cpus: int
    memory_bytes: int
    generic: tuple[tuple[str, int], ...]
    """Kinds and how many of each."""
    constraints: tuple[str, ...]
    platforms: frozenset[tuple[str, str]]
    max_replicas_per_node: int
    ports: frozenset[HostPort]
    tolerated: tuple[Tolerance, ...]
    terms: tuple[Term, ...]
    skews: tuple[SkewRule, ...]
    priority: int = 0
    neighbours: Neighbours | None = field(default=None, compare=False)

    @property
    def around(self) -> Neighbours:
        """What runs around each node. Asked only after `among`."""
        assert self.neighbours is not None, "a need is held against nodes among others"
        return self.neighbours

    def among(self, domains: Domains, suited: Iterable[NodeTally]) -> Need:
        """Return the same need, of tasks about to be placed among what is there.

        `suited` are the nodes that pass the filters on what a node is.
        """
        neighbours = Neighbours(self.service_id, self.terms, self.skews, suited, domains)
        return replace(self, neighbours=neighbours)

    @classmethod
    def of(cls, task: Task) -> Need:
        placement = task.spec.placement
        reserved = reservations_of(task.spec)
        return cls(
            task.service_id,
            reserved.nano_cpus,
            reserved.memory_bytes,
            tuple(sorted(reserved.generic.items())),
            tuple(placement.constraints),
            frozenset(platform_key(p.os, p.architecture) for p in placement.platforms),
            placement.max_replicas_per_node,
            host_ports(task.ports),
            tolerances(placement),
            terms_of(placement),
            skew_rules(placement),
            task.spec.priority,
        )


class Filter(ABC):
    """One condition on a node."""

    name: ClassVar[str]

    @abstractmethod
    def asked(self, need: Need) -> bool:
        """Say whether the task needs anything of this filter."""

    @abstractmethod
    def passes(self, need: Need, on: NodeTally) -> bool:
        """Say whether the node has what is needed."""

    @abstractmethod
    def wish(self, need: Need) -> str:
        """Return what is needed, the same for every node: "2.0 cpus"."""

    @abstractmethod
    def sentence(self, need: Need, on: NodeTally) -> str:
        """Return what is needed and what this node has, with numbers."""

    @abstractmethod
    def help(self, need: Need, on: NodeTally) -> str:
        """Return what would make a node that fails pass."""


def platform_key(system: str, machine: str) -> tuple[str, str]:
    """Return a platform in the one spelling that can be compared."""
    machine = machine.casefold()
    return system.casefold(), _SAME_ARCHITECTURE.get(machine, machine)
