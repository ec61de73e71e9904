"""What a group of tasks that are placed together sees around each node.

Within one group only tasks of its own service are added, so what it says of others does not
change meanwhile. What it says of itself changes in one of three ways:

- **an anti-affinity, or an affinity, that is required** only goes from yes to no: a first
  task, when there is none yet, may go anywhere, and the others must follow it;
- **a preference** changes for all nodes of a value at once;
- **a skew** goes back and forth: a value that has enough may take more once the lowest has
  caught up.

Where no two nodes share a value, the second is a matter of the node just given, and the
third lets a node wait until the lowest count is high enough. See leaf.py.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence

from swarmpy.core.schedule.affinity import SkewRule, Term
from swarmpy.core.schedule.attribute import find_value
from swarmpy.core.schedule.domains import Domains
from swarmpy.core.schedule.node_tally import NodeTally
from swarmpy.pb.objects_pb2 import Task

NEVER = sys.maxsize
LAST = 1 << 20
"""More tasks than a service has: nodes without a value come after all that have one."""


class Neighbours:
    """The surroundings of one group, kept up to date while its tasks are placed."""

    def __init__(
        self,
        service_id: str,
        terms: Sequence[Term],
        rules: Sequence[SkewRule],
        suited: Iterable[NodeTally],
        domains: Domains,
    ) -> None:
        """`suited`: the nodes whose values a skew is about, those that may take the tasks."""
        self._domains = domains
        self._own = {term for term in terms if service_id in domains.selected(term)}
        self._first = {
            term
            for term in self._own
            if not term.weight and not term.is_anti and not domains.has_anywhere(term)
        }
        """Affinities to the group itself of which there is no task yet."""
        self.is_quiet = not terms and not rules
        """Nothing is said of others, so nothing changes but the nodes that are given tasks."""
        self._name = domains.name(service_id)
        self.repellers = domains.repellers(service_id)
        nodes = list(suited) if rules else []
        self.skews = [Skew(rule, service_id, nodes, domains) for rule in rules]
        preferred = [term for term in terms if term.weight]
        shared = {term for term in preferred if term in self._own and not self.is_local(term.key)}
        self.of_node = [term for term in preferred if term not in shared]
        """Preferences that concern each node by itself."""
        self.of_value = [term for term in preferred if term in shared]
        """Preferences that a task, once placed, changes for all nodes of a value."""
        self.keys = sorted(
            {term.key for term in self.of_value}
            | {skew.key for skew in self.skews if not skew.is_local}
        )
        """Nodes with the same values of these change together."""

    def add(self, on: NodeTally, task: Task) -> None:
        """Count a task of the group that was just given to a node."""
        self._domains.add(on, task)
        self._first = {term for term in self._first if not self.has(term, on)}
        for skew in self.skews:
            skew.add(on)

    def is_local(self, key: str) -> bool:
        return self._domains.is_local(key)

    def has(self, term: Term, on: NodeTally) -> bool:
        """Say whether a task that the term is about runs near to this node."""
        return self._domains.has(term, on)

    def may_run(self, term: Term, on: NodeTally) -> bool:
        """Say whether a required affinity lets a task go to this node."""
        if term in self._first:
            return find_value(term.key, on.node) is not None
        return self.has(term, on)

    def repelling(self, on: NodeTally) -> dict[Term, set[str]]:
        """Return who on this node, or near to it, keeps the group's service away, and why."""
        found = {term: self._others(term, on) for term in self.repellers}
        return {term: owners for term, owners in found.items() if owners}

    def repels(self, on: NodeTally) -> bool:
        return any(self._others(term, on) for term in self.repellers)

    def _others(self, term: Term, on: NodeTally) -> set[str]:
        """Leave out the service itself: what an older version of it said is over."""
        return self._domains.repelling(term, on) - self._name


class Skew:
    """How many tasks of a service are at each value of a key, and the lowest such number."""

    def __init__(
        self, rule: SkewRule, service_id: str, suited: Iterable[NodeTally], domains: Domains
    ) -> None:
        self.rule = rule
        self.key = rule.key
        self.is_local = domains.is_local(rule.key)
        self.counts = {
            value: counts.get(service_id, 0) for value, counts in domains.of(rule.key).items()
        }
        values = {find_value(rule.key, on.node) for on in suited}
        self._eligible = {value for value in values if value is not None}
        self._having = Counter(self.counts[value] for value in self._eligible)
        self.least = min(self._having, default=0)
        """Of the values that a suited node has; what runs elsewhere cannot be balanced."""

    def add(self, on: NodeTally) -> None:
        value = find_value(self.key, on.node)
        if value is None:
            return
        count = self.counts[value]
        self.counts[value] = count + 1
        if value in self._eligible:
            self._having[count] -= 1
            self._having[count + 1] += 1
            # The one that was lowest is now one higher, so the next lowest number has it.
            self.least += self._having[self.least] == 0

    def needs(self, on: NodeTally) -> int:
        """Return how large `least` must be before this node may take one more."""
        value = find_value(self.key, on.node)
        return NEVER if value is None else self.counts[value] + 1 - self.rule.most

    def allows(self, on: NodeTally) -> bool:
        return self.needs(on) <= self.least

    def excess(self, on: NodeTally) -> int:
        """Return by how much one more would be too many."""
        needs = self.needs(on)
        return LAST if needs == NEVER else max(0, needs - self.least)

    def rounds(self, on: NodeTally) -> int:
        """Return how often this node has had its share, where each has a value of its own.

        Unlike `excess` this changes for no other node when one is given a task.
        """
        value = find_value(self.key, on.node)
        return LAST if value is None else self.counts[value] // self.rule.most
