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


class Branch:
    """Nodes that share the values of some keys, or (the root) all of them."""

    def __init__(
        self, rules: Rules, preferences: Sequence[str], nodes: Sequence[NodeTally]
    ) -> None:
        """Nodes that take no task count but are never given."""
        service_id = rules.rank.service_id
        self._tasks = sum(on.by_service.get(service_id, 0) for on in nodes)
        self._below: list[Branch] = []
        self._leaf: Leaf | None = None
        if preferences:
            by_value: dict[str, list[NodeTally]] = {}
            for on in nodes:
                by_value.setdefault(value_of(preferences[0], on.node), []).append(on)
            self._below = [
                Branch(rules, preferences[1:], by_value[value]) for value in sorted(by_value)
            ]
        else:
            self._leaf = Leaf(rules, nodes)

    def best(self) -> Rank | None:
        """Return the rank of the node that `take` would give, or None."""
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
        return found

    def _best_below(self) -> Branch | None:
        """Return the branch with the fewest tasks; of equal ones that with the best node."""
        ranked = [
            (branch._tasks, rank, branch)  # noqa: SLF001 - a branch knows its own kind
            for branch in self._below
            if (rank := branch.best()) is not None
        ]
        return min(ranked, key=lambda item: item[:2])[2] if ranked else None
