"""How good a node is for one more task of a service, among those that can take it.

In this order, the first difference counting:

1. this version of the service has not failed there over and over,
2. fewer taints that say other nodes are preferred,
3. a smaller skew beyond what the service would like,
4. a larger sum of the weights of the service's preferences, those against subtracted,
5. spread: fewer tasks of the service, then fewer tasks;
   binpack: the fuller node by what is reserved, then more tasks,
6. the smaller id, so that equal states give equal decisions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from swarmpy.core.schedule.affinity import Term
from swarmpy.core.schedule.constraint import parse
from swarmpy.core.schedule.neighbours import Neighbours
from swarmpy.core.schedule.node_tally import NodeTally
from swarmpy.core.schedule.taint import tolerances, unwelcome
from swarmpy.pb.objects_pb2 import Node, Task
from swarmpy.pb.specs_pb2 import Placement
from swarmpy.pb.types_pb2 import (
    PLACEMENT_STRATEGY_BINPACK,
    PLACEMENT_STRATEGY_SPREAD,
    PlacementStrategy,
)

FAILURES_TOO_MANY = 5
"""Of one service version on one node within five minutes: then other nodes come first."""

STRATEGIES = {"spread": PLACEMENT_STRATEGY_SPREAD, "binpack": PLACEMENT_STRATEGY_BINPACK}

Rank: TypeAlias = tuple[bool, int, int, int, int, int, str]
"""Smaller is better."""


class Ranking:
    """Ranks nodes for the tasks of one service version."""

    def __init__(
        self, first: Task, default: PlacementStrategy.ValueType, neighbours: Neighbours
    ) -> None:
        """Rank for tasks like `first`; `default` is the strategy of those that do not say."""
        placement = first.spec.placement
        self.service_id = first.service_id
        self._version = (first.service_id, first.spec_version)
        self._tolerated = tolerances(placement)
        self._weigh = weigher(placement)
        self.neighbours = neighbours
        liked = [skew for skew in neighbours.skews if not skew.rule.is_required]
        self._skews_of_node = [skew for skew in liked if skew.is_local]
        self._skews_of_value = [skew for skew in liked if not skew.is_local]
        self._packs = (placement.strategy or default) == PLACEMENT_STRATEGY_BINPACK
        self._spreads_only = not (
            self._packs or self._weigh or self._skews_of_node or neighbours.of_node
        )

    def of_all(self, nodes: Iterable[NodeTally]) -> list[tuple[Rank, NodeTally]]:
        """Return nodes with their ranks."""
        if not self._spreads_only:
            return [(self(on), on) for on in nodes]
        service_id, version = self.service_id, self._version
        # What __call__ comes to, spelled out: this is asked of each node for each service.
        return [
            (
                (
                    on.failures.get(version, 0) >= FAILURES_TOO_MANY,
                    unwelcome(self._tolerated, on.node) if on.is_tainted else 0,
                    0,
                    0,
                    on.by_service.get(service_id, 0),
                    on.tasks,
                    on.id,
                ),
                on,
            )
            for on in nodes
        ]

    def __call__(self, on: NodeTally) -> Rank:
        """Rank a node among those that change together when one of them is given a task."""
        return (
            on.failures.get(self._version, 0) >= FAILURES_TOO_MANY,
            unwelcome(self._tolerated, on.node) if on.is_tainted else 0,
            sum(skew.rounds(on) for skew in self._skews_of_node),
            -self._weight(on),
            *self._by_strategy(on),
            on.id,
        )

    def whole(self, rank: Rank, on: NodeTally) -> Rank:
        """Return the rank among all nodes, with what all the nodes of some values share."""
        if not self.neighbours.keys:
            return rank
        failing, unwelcome_count, skewed, weight, *rest = rank
        skewed += sum(skew.excess(on) for skew in self._skews_of_value)
        weight -= self._felt(self.neighbours.of_value, on)
        return (failing, unwelcome_count, skewed, weight, *rest)  # type: ignore[return-value]

    def _weight(self, on: NodeTally) -> int:
        of_node = self._weigh(on.node) if self._weigh else 0
        return of_node + self._felt(self.neighbours.of_node, on)

    def _felt(self, terms: Iterable[Term], on: NodeTally) -> int:
        return sum(
            -term.weight if term.is_anti else term.weight
            for term in terms
            if self.neighbours.has(term, on)
        )

    def _by_strategy(self, on: NodeTally) -> tuple[int, int]:
        if self._packs:
            return (-fullness(on), -on.tasks)
        return (on.by_service.get(self.service_id, 0), on.tasks)


def weigher(placement: Placement) -> Callable[[Node], int] | None:
    """Return what adds up the weights of the preferences that a node meets; None without any."""
    if not placement.preferences:
        return None
    weighed = [(parse(one.constraint), one.weight) for one in placement.preferences]
    return lambda node: sum(weight for wish, weight in weighed if wish.holds(node))


def fullness(on: NodeTally) -> int:
    """Return how much of a node is reserved, in thousandths: of its cpus or of its memory,
    whichever is more.
    """
    of_cpus = on.nano_cpus * 1000 // (on.nano_cpus_in_all or 1)
    of_memory = on.memory_bytes * 1000 // (on.memory_bytes_in_all or 1)
    return max(of_cpus, of_memory)
