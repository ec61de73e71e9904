"""The scheduler's decision: a node for each pending task, or why there is none.

Tasks of one service and version need the same, so they are placed as a group: of the filters
on what is left of a node, only the one that has just taken a task is asked again. Filters
on what a node is are asked once for all groups that need the same. Groups of a higher priority
come first.

Tasks that must be near others go last, and again as long as that gives any of them a node:
where they may go depends on where those others went. Each round costs what a group costs.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from swarmpy.core.actions import AssignTask, SetPendingReason
from swarmpy.core.schedule.around import NOTHING_AROUND, Around
from swarmpy.core.schedule.bound import bound_reason
from swarmpy.core.schedule.domains import Domains
from swarmpy.core.schedule.filter import Need
from swarmpy.core.schedule.filters import (
    FILTERS,
    NODE_FILTERS,
    USAGE_FILTERS,
    asked,
    pass_all,
)
from swarmpy.core.schedule.leaf import Rules
from swarmpy.core.schedule.node_tally import NodeTally, host_ports
from swarmpy.core.schedule.rank import Ranking
from swarmpy.core.schedule.spread import Branch, Layout
from swarmpy.core.task_life import keeps_slot
from swarmpy.pb.objects_pb2 import Task
from swarmpy.pb.types_pb2 import TASK_STATE_PENDING

Placement: TypeAlias = AssignTask | SetPendingReason


def place(
    tasks: Iterable[Task], tallies: Mapping[str, NodeTally], around: Around = NOTHING_AROUND
) -> Iterator[Placement]:
    """Yield what to do for each pending task; nothing where its reason is still the same.

    Tasks that know their node already (global modes) are held against that node alone.
    `tallies` grow by every task that is placed, so that no node is ever promised twice.
    """
    groups: dict[tuple[object, ...], list[Task]] = {}
    for task in tasks:
        if is_pending(task):
            groups.setdefault(_alike(task), []).append(task)
    placing = _Placing(tallies, around)
    following = []
    for group in sorted(groups.values(), key=lambda group: -group[0].spec.priority):
        if must_be_near(group[0]):
            following.append(group)
        else:
            left = yield from placing.give(group)
            yield from placing.explain(left)
    while following:
        before = sum(map(len, following))
        remaining = []
        for group in following:
            left = yield from placing.give(group)
            if left:
                remaining.append(left)
        following = remaining
        if sum(map(len, following)) == before:
            break
    for left in following:
        yield from placing.explain(left)


def is_pending(task: Task) -> bool:
    """Say whether a task waits for a node, and is still wanted."""
    return task.status.state == TASK_STATE_PENDING and keeps_slot(task)


def _alike(task: Task) -> tuple[object, ...]:
    """Return what tasks share that may be placed as one group."""
    if not task.service_id:
        return (task.id,)
    return (task.service_id, task.spec_version, task.node_id, task.bound_by, host_ports(task.ports))


class Suited:
    """Which nodes suit a need by what they are; asked once for each class of needs."""

    def __init__(self, nodes: Iterable[NodeTally]) -> None:
        self._nodes = list(nodes)
        self._known: dict[tuple[object, ...], frozenset[str]] = {}

    def to(self, need: Need) -> frozenset[str]:
        """Return the ids of the nodes that pass every filter on what a node is."""
        key = (need.constraints, need.tolerated, need.platforms, need.priority)
        if key not in self._known:
            filters = asked(NODE_FILTERS, need)
            self._known[key] = frozenset(on.id for on in self._nodes if pass_all(filters, need, on))
        return self._known[key]


class _Placing:
    """One decision: what it has found out and given away so far."""

    def __init__(self, tallies: Mapping[str, NodeTally], around: Around) -> None:
        self._tallies = tallies
        self._strategy = around.strategy
        self._suited = Suited(tallies.values())
        self._domains = Domains(tallies.values(), around.services)
        self._layouts: dict[tuple[str, ...], Layout] = {}

    def give(self, group: Sequence[Task]) -> Generator[Placement, None, list[Task]]:
        """Yield a node for as many tasks of a group as there is one for; return the others."""
        need = self._need(group[0])
        if group[0].node_id:
            return (yield from self._give_its_own(group, need))
        filters = asked(USAGE_FILTERS, need)

        def takes_more(on: NodeTally) -> bool:
            return pass_all(filters, need, on)

        rank = Ranking(group[0], self._strategy, need.around)
        rules = Rules(rank, self._suited.to(need), takes_more)
        tree = Branch(rules, self._layout(group[0].spec.placement.spread))
        for i, task in enumerate(group):
            on = tree.take()
            if on is None:
                return list(group[i:])
            yield self._assign(task, on, need)
        return []

    def _give_its_own(
        self, group: Sequence[Task], need: Need
    ) -> Generator[Placement, None, list[Task]]:
        left = []
        for task in group:
            on = self._tallies.get(task.node_id)
            if on is not None and pass_all(asked(FILTERS, need), need, on):
                yield self._assign(task, on, need)
            else:
                left.append(task)
        return left

    def _layout(self, preferences: Sequence[str]) -> Layout:
        keys = tuple(preferences)
        if keys not in self._layouts:
            self._layouts[keys] = Layout(keys, list(self._tallies.values()))
        return self._layouts[keys]

    def _assign(self, task: Task, on: NodeTally, need: Need) -> AssignTask:
        on.add(task)
        need.around.add(on, task)
        return AssignTask(task.id, on.id)

    def explain(self, left: Sequence[Task]) -> Iterator[SetPendingReason]:
        """Yield why the tasks that are left of a group have no node."""
        if not left:
            return
        node_id = left[0].node_id
        if left[0].bound_by:
            reason = bound_reason(self._need(left[0]), left[0], self._tallies.get(node_id))
        elif node_id and node_id not in self._tallies:
            reason = f"its node {node_id} is not in the swarm"
        else:
            nodes = [self._tallies[node_id]] if node_id else self._tallies.values()
            reason = pending_reason(self._need(left[0]), nodes)
        for task in left:
            if task.pending_reason != reason:
                yield SetPendingReason(task.id, reason)

    def _need(self, first: Task) -> Need:
        need = Need.of(first)
        # Only a skew asks for the nodes, so that each of many global tasks costs no look at all.
        known = {first.node_id} if first.node_id or not need.skews else self._suited.to(need)
        return need.among(
            self._domains, (on for node_id, on in self._tallies.items() if node_id in known)
        )


def must_be_near(task: Task) -> bool:
    """Say whether a task goes only where others are, which may still be about to be placed."""
    return any(not one.weight for one in task.spec.placement.affinity)


def pending_reason(need: Need, nodes: Iterable[NodeTally]) -> str:
    """Return in one line what is missing on how many nodes.

    It says what is needed and leaves out what is free: that changes all the time, and each
    change would be written for each waiting task. `explain` has those numbers.
    """
    on_all = list(nodes)
    if not on_all:
        return "the swarm has no nodes"
    missing = []
    for one in asked(FILTERS, need):
        count = sum(not one.passes(need, on) for on in on_all)
        if count:
            missing.append((-count, f"{one.wish(need)} (missing on {count} of {len(on_all)})"))
    return "no node takes it; needs " + ", ".join(text for _, text in sorted(missing))
