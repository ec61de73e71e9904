"""Where among many nodes a task runs best: spread evenly over the values of labels.

Nodes form a tree: one level for each spread preference, one branch for each value of its
key, and the nodes at the leaves. The next task goes down the branch with the fewest tasks
of its service, level by level; in a leaf it goes to the node that rank.py calls the best.

A branch counts tasks also on nodes that cannot take another one: what runs in a zone is
lost with the zone, full or not.
"""

from __future__ import annotations

from collections.abc import Sequence

from swarmpy.core.schedule.attribute import value_of
from swarmpy.core.schedule.leaf import Leaf, Rules
from swarmpy.core.schedule.node_tally import NodeTally
from swarmpy.core.schedule.rank import Rank


class Layout:
    """Nodes by the values of some keys: the same for all services that ask for these keys."""

    def __init__(self, preferences: Sequence[str], nodes: Sequence[NodeTally]) -> None:
        self.nodes = nodes
        self.below: list[Layout] = []
        """By the values of the first key, in their order; none without a key."""
        if preferences:
            by_value: dict[str, list[NodeTally]] = {}
            for on in nodes:
                by_value.setdefault(value_of(preferences[0], on.node), []).append(on)
            self.below = [Layout(preferences[1:], by_value[value]) for value in sorted(by_value)]
        self._suited: dict[frozenset[str], Sequence[NodeTally]] = {}

    def suited(self, ids: frozenset[str]) -> Sequence[NodeTally]:
        """Return the nodes that have one of these ids."""
        if ids not in self._suited:
            self._suited[ids] = [on for on in self.nodes if on.id in ids]
        return self._suited[ids]


class Branch:
    """Nodes that share the values of some keys, or (the root) all of them."""

    def __init__(self, rules: Rules, layout: Layout) -> None:
        """Nodes that take no task count but are never given."""
        self._below = [Branch(rules, below) for below in layout.below]
        self._leaf: Leaf | None = None
        self._is_alone = rules.are_of_nodes
        self._best: Rank | None = None
        self._is_known = False
        self._tasks: int
        if self._below:
            # A branch knows its own kind.
            self._tasks = sum(branch._tasks for branch in self._below)  # noqa: SLF001
        else:
            service_id = rules.rank.service_id
            self._tasks = sum([on.by_service.get(service_id, 0) for on in layout.nodes])
            self._leaf = Leaf(rules, layout.suited(rules.suited))

    def best(self) -> Rank | None:
        """Return the rank of the node that `take` would give, or None."""
        if not self._is_known:
            self._best = self._look()
            self._is_known = self._is_alone
        return self._best

    def _look(self) -> Rank | None:
        if self._leaf is not None:
            return self._leaf.best()
        branch = self._best_below()
        return None if branch is None else branch.best()

    def take(self) -> NodeTally | None:
        """Return the best node for one more task, or None when no node takes it.

        The caller adds the task to that node's tally before it takes again.
        """
        if self._leaf is not None:
            found = self._leaf.take()
        else:
            branch = self._best_below()
            found = None if branch is None else branch.take()
        self._tasks += found is not None
        self._is_known = False
        return found

    def _best_below(self) -> Branch | None:
        """Return the branch with the fewest tasks; of equal ones that with the best node."""
        ranked = [
            (branch._tasks, rank, branch)  # noqa: SLF001 - a branch knows its own kind
            for branch in self._below
            if (rank := branch.best()) is not None
        ]
        return min(ranked, key=lambda item: item[:2])[2] if ranked else None
