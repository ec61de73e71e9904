"""Where among many nodes a task runs best: spread evenly over the values of labels.

Nodes form a tree: one level for each spread preference, one branch for each value of its
key, and the nodes at the leaves. The next task goes down the branch with the fewest tasks
of its service, level by level; in a leaf it goes to the node that rank.py calls the best.

A branch counts tasks also on nodes that cannot take another one: what runs in a zone is
lost with the zone, full or not.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Sequence

from swarmpy.core.schedule.attribute import value_of
from swarmpy.core.schedule.node_tally import NodeTally
from swarmpy.core.schedule.rank import Rank, Ranking


class Spread:
    """Gives nodes for tasks of one service, best first."""

    def __init__(
        self,
        rank: Ranking,
        suited: Collection[str],
        takes_more: Callable[[NodeTally], bool],
    ) -> None:
        """Spread tasks over the nodes of these ids, each while it takes more.

        A node that once takes no more is not asked again: tallies only grow.
        """
        self.rank = rank
        self.suited = suited
        self.takes_more = takes_more

    def tree(self, preferences: Sequence[str], nodes: Iterable[NodeTally]) -> Branch:
        """Return the nodes as a tree; nodes that take no task count but are never given."""
        return Branch(self, preferences, list(nodes))

    def tasks_on(self, nodes: Iterable[NodeTally]) -> int:
        return sum(on.by_service.get(self.rank.service_id, 0) for on in nodes)


class Branch:
    """Nodes that share the values of some labels, or (the root) all of them."""

    def __init__(
        self, spread: Spread, preferences: Sequence[str], nodes: Sequence[NodeTally]
    ) -> None:
        self._spread = spread
        self._tasks = spread.tasks_on(nodes)
        self._below: list[Branch] = []
        self._heap: list[tuple[Rank, NodeTally]] = []
        self._given: NodeTally | None = None
        if preferences:
            by_value: dict[str, list[NodeTally]] = {}
            for on in nodes:
                by_value.setdefault(value_of(preferences[0], on.node), []).append(on)
            self._below = [
                Branch(spread, preferences[1:], by_value[value]) for value in sorted(by_value)
            ]
        else:
            self._heap = [(spread.rank(on), on) for on in nodes if on.node.id in spread.suited]
            heapq.heapify(self._heap)

    def best(self) -> Rank | None:
        """Return the rank of the node that `take` would give, or None."""
        if self._below:
            branch = self._best_below()
            return None if branch is None else branch.best()
        self._settle()
        return self._heap[0][0] if self._heap else None

    def take(self) -> NodeTally | None:
        """Return the best node for one more task, or None when no node takes it.

        The caller adds the task to that node's tally before it takes again.
        """
        if self._below:
            branch = self._best_below()
            found = None if branch is None else branch.take()
        else:
            self._settle()
            found = self._given = heapq.heappop(self._heap)[1] if self._heap else None
        self._tasks += found is not None
        return found

    def _best_below(self) -> Branch | None:
        """Return the branch with the fewest tasks; of equal ones that with the best node."""
        ranked = [
            (branch._tasks, rank, branch)  # noqa: SLF001 - a branch knows its own kind
            for branch in self._below
            if (rank := branch.best()) is not None
        ]
        return min(ranked, key=lambda item: item[:2])[2] if ranked else None

    def _settle(self) -> None:
        """Put the node given last to where its tally says it belongs; then drop full ones."""
        if self._given is not None:
            heapq.heappush(self._heap, (self._spread.rank(self._given), self._given))
            self._given = None
        while self._heap and not self._spread.takes_more(self._heap[0][1]):
            heapq.heappop(self._heap)
