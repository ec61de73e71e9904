"""Which services have tasks where: counted by the values of the keys that tasks ask about.

One index serves a whole decision. A key costs one look at each node, the first time that
somebody asks; from then on it grows with every task that is placed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from swarmpy.core.schedule.affinity import Term, required_anti_terms
from swarmpy.core.schedule.attribute import find_value
from swarmpy.core.schedule.node_tally import NodeTally
from swarmpy.pb.objects_pb2 import Service, Task

Counts: TypeAlias = dict[str, int]
"""Service id -> its tasks; there are no zeros."""


class Domains:
    """The nodes of the swarm, grouped by whatever key is asked for."""

    def __init__(self, nodes: Iterable[NodeTally], services: Mapping[str, Service]) -> None:
        self._nodes = list(nodes)
        self._services = services
        self._by_key: dict[str, dict[str, Counts]] = {}
        self._local: set[str] = set()
        self._selected: dict[Term, frozenset[str]] = {}
        self._repellers: dict[Term, dict[str, set[str]]] = {}
        for on in self._nodes:
            for term, owners in on.repels.items():
                self._repel(term, on, owners)

    def add(self, on: NodeTally, task: Task) -> None:
        """Count a task that was just given to a node."""
        for key, counts_by_value in self._by_key.items():
            value = find_value(key, on.node)
            if value is not None:
                counts = counts_by_value[value]
                counts[task.service_id] = counts.get(task.service_id, 0) + 1
        for term in required_anti_terms(task.spec.placement):
            self._repel(term, on, {task.service_name})

    def of(self, key: str) -> Mapping[str, Counts]:
        """Return, for each value of the key, which services have how many tasks there."""
        found = self._by_key.get(key)
        return self._index(key) if found is None else found

    def is_local(self, key: str) -> bool:
        """Say whether no two nodes share a value of the key."""
        self.of(key)
        return key in self._local

    def selected(self, term: Term) -> frozenset[str]:
        """Return the ids of the services that a term is about."""
        if term not in self._selected:
            self._selected[term] = frozenset(
                service_id
                for service_id, service in self._services.items()
                if term.selects(service)
            )
        return self._selected[term]

    def name(self, service_id: str) -> frozenset[str]:
        """Return the name of a service; none when it is not known any more."""
        service = self._services.get(service_id)
        return frozenset() if service is None else frozenset({service.spec.name})

    def has(self, term: Term, on: NodeTally) -> bool:
        """Say whether a task that the term is about runs near to this node."""
        value = find_value(term.key, on.node)
        counts = None if value is None else self.of(term.key).get(value)
        return bool(counts) and not self.selected(term).isdisjoint(counts or ())

    def has_anywhere(self, term: Term) -> bool:
        """Say whether any task that the term is about runs on a node that has its key."""
        selected = self.selected(term)
        return any(not selected.isdisjoint(counts) for counts in self.of(term.key).values())

    def repellers(self, service_id: str) -> list[Term]:
        """Return the terms of tasks with a node that keep this service away from them."""
        service = self._services.get(service_id)
        if service is None:
            return []
        return [term for term in self._repellers if term.selects(service)]

    def repelling(self, term: Term, on: NodeTally) -> set[str]:
        """Return the names of the services that keep others off this node by this term."""
        value = find_value(term.key, on.node)
        return set() if value is None else self._repellers.get(term, {}).get(value, set())

    def _index(self, key: str) -> dict[str, Counts]:
        index: dict[str, Counts] = {}
        nodes_count = 0
        for on in self._nodes:
            value = find_value(key, on.node)
            if value is None:
                continue
            nodes_count += 1
            counts = index.setdefault(value, {})
            for service_id, count in on.by_service.items():
                counts[service_id] = counts.get(service_id, 0) + count
        if len(index) == nodes_count:
            self._local.add(key)
        self._by_key[key] = index
        return index

    def _repel(self, term: Term, on: NodeTally, owners: Iterable[str]) -> None:
        value = find_value(term.key, on.node)
        if value is not None:
            self._repellers.setdefault(term, {}).setdefault(value, set()).update(owners)
