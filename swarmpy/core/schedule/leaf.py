"""The best of the nodes at one leaf of the tree, one task after the other.

The nodes lie in heaps, one for each combination of values that change together (mostly there
is one heap). What a placed task changes for all nodes of a heap alike is not in the heap: it
is added when the tops are compared. So a task costs a heap step, and a look at each heap.

A node whose skew is too large for now waits aside, ordered by the lowest count that lets it
come back. It waits only after it was given a task, so that adds up to a heap step a task.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence

from swarmpy.core.schedule.attribute import find_value
from swarmpy.core.schedule.neighbours import Skew
from swarmpy.core.schedule.node_tally import NodeTally
from swarmpy.core.schedule.rank import Rank, Ranking


class Rules:
    """What decides between nodes, the same in every leaf."""

    def __init__(
        self,
        rank: Ranking,
        suited: frozenset[str],
        takes_more: Callable[[NodeTally], bool],
    ) -> None:
        """Give nodes of these ids, best rank first, each while it takes more.

        A node that once takes no more is not asked again: that answer never changes.
        """
        self.rank = rank
        self.suited = suited
        self.takes_more = takes_more
        required = [skew for skew in rank.neighbours.skews if skew.rule.is_required]
        self.of_node = [skew for skew in required if skew.is_local]
        self._of_heap = [skew for skew in required if not skew.is_local]
        self.are_of_nodes = rank.neighbours.is_quiet
        """A task that is placed changes nothing but the node that it is given to."""

    def apart(self, nodes: Sequence[NodeTally]) -> Iterable[Sequence[NodeTally]]:
        """Return the nodes of each heap: those that share what changes for all of them."""
        keys = self.rank.neighbours.keys
        if not keys:
            return [nodes]
        grouped: dict[tuple[str | None, ...], list[NodeTally]] = {}
        for on in nodes:
            grouped.setdefault(tuple(find_value(key, on.node) for key in keys), []).append(on)
        return grouped.values()

    def lets_in(self, on: NodeTally) -> bool:
        """Say whether the nodes of the heap that this is one of may take a task now."""
        return all(skew.allows(on) for skew in self._of_heap)


class Leaf:
    """Nodes that are compared by rank alone."""

    def __init__(self, rules: Rules, suited: Sequence[NodeTally]) -> None:
        self._rules = rules
        self._heaps = [_Heap(rules, alike) for alike in rules.apart(suited)]

    def best(self) -> Rank | None:
        """Return the rank of the node that `take` would give, or None."""
        found = self._find()
        return None if found is None else found[0]

    def take(self) -> NodeTally | None:
        """Return the best node for one more task, or None when no node takes it."""
        found = self._find()
        return None if found is None else found[1].take()

    def _find(self) -> tuple[Rank, _Heap] | None:
        tops = [
            (self._rules.rank.whole(*top), heap)
            for heap in self._heaps
            if (top := heap.top()) is not None and self._rules.lets_in(top[1])
        ]
        return min(tops, key=lambda pair: pair[0], default=None)


class _Heap:
    """Nodes that change together, best first."""

    def __init__(self, rules: Rules, nodes: Iterable[NodeTally]) -> None:
        self._rules = rules
        self._nodes = rules.rank.of_all(nodes)
        heapq.heapify(self._nodes)
        self._waiting: list[tuple[Skew, list[tuple[int, str, NodeTally]]]] = [
            (skew, []) for skew in rules.of_node
        ]
        self._given: NodeTally | None = None

    def top(self) -> tuple[Rank, NodeTally] | None:
        """Return the best node that takes a task, with its rank in this heap."""
        self._settle()
        return self._nodes[0] if self._nodes else None

    def take(self) -> NodeTally:
        """Take out the top. The caller adds a task to its tally before it asks again."""
        self._given = heapq.heappop(self._nodes)[1]
        return self._given

    def _settle(self) -> None:
        """Put the node given last to where its tally says it belongs; then drop full ones."""
        if self._given is not None:
            self._push(self._given)
            self._given = None
        for skew, waiting in self._waiting:
            while waiting and waiting[0][0] <= skew.least:
                self._push(heapq.heappop(waiting)[2])
        while self._nodes and not self._is_ready(self._nodes[0][1]):
            heapq.heappop(self._nodes)

    def _push(self, on: NodeTally) -> None:
        heapq.heappush(self._nodes, (self._rules.rank(on), on))

    def _is_ready(self, on: NodeTally) -> bool:
        """Say whether a node takes a task now; if it may later, let it wait aside."""
        if not self._rules.takes_more(on):
            return False
        for skew, waiting in self._waiting:
            if not skew.allows(on):
                heapq.heappush(waiting, (skew.needs(on), on.id, on))
                return False
        return True
