"""The scheduler's decision: a node for each pending task, or why there is none.

Tasks of one service and version need the same, so they are placed as a group: of the filters
on what is left of a node, only the one that has just taken a task is asked again. Filters
on what a node is are asked once for all groups that need the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from swarmpy.core.actions import AssignTask, SetPendingReason
from swarmpy.core.schedule.around import NOTHING_AROUND, Around
from swarmpy.core.schedule.filter import Need
from swarmpy.core.schedule.filters import (
    FILTERS,
    NODE_FILTERS,
    USAGE_FILTERS,
    asked,
    pass_all,
)
from swarmpy.core.schedule.node_tally import NodeTally, host_ports
from swarmpy.core.schedule.rank import Ranking
from swarmpy.core.schedule.spread import Spread
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
    suited = Suited(tallies.values())
    for group in groups.values():
        if group[0].node_id:
            yield from _place_on_its_node(group, tallies)
        else:
            yield from _place_group(group, tallies, suited, around)


def is_pending(task: Task) -> bool:
    """Say whether a task waits for a node, and is still wanted."""
    return task.status.state == TASK_STATE_PENDING and keeps_slot(task)


def _alike(task: Task) -> tuple[object, ...]:
    """Return what tasks share that may be placed as one group."""
    if not task.service_id:
        return (task.id,)
    return (task.service_id, task.spec_version, task.node_id, host_ports(task.ports))


class Suited:
    """Which nodes suit a need by what they are; asked once for each class of needs."""

    def __init__(self, nodes: Iterable[NodeTally]) -> None:
        self._nodes = list(nodes)
        self._known: dict[tuple[object, ...], frozenset[str]] = {}

    def to(self, need: Need) -> frozenset[str]:
        """Return the ids of the nodes that pass every filter on what a node is."""
        key = (need.constraints, need.tolerated, need.platforms)
        if key not in self._known:
            filters = asked(NODE_FILTERS, need)
            self._known[key] = frozenset(
                on.node.id for on in self._nodes if pass_all(filters, need, on)
            )
        return self._known[key]


def _place_group(
    group: Sequence[Task], tallies: Mapping[str, NodeTally], suited: Suited, around: Around
) -> Iterator[Placement]:
    first = group[0]
    need = Need.of(first)
    filters = asked(USAGE_FILTERS, need)

    def takes_more(on: NodeTally) -> bool:
        return pass_all(filters, need, on)

    spread = Spread(Ranking(first, around.strategy), suited.to(need), takes_more)
    tree = spread.tree(first.spec.placement.spread, tallies.values())
    waiting = iter(group)
    for task in waiting:
        on = tree.take()
        if on is None:
            yield from _explain_all([task, *waiting], pending_reason(need, tallies.values()))
            return
        on.add(task)
        yield AssignTask(task.id, on.node.id)


def _place_on_its_node(
    group: Sequence[Task], tallies: Mapping[str, NodeTally]
) -> Iterator[Placement]:
    for task in group:
        need = Need.of(task)
        on = tallies.get(task.node_id)
        if on is None:
            yield from _explain_all([task], f"its node {task.node_id} is not in the swarm")
        elif pass_all(asked(FILTERS, need), need, on):
            on.add(task)
            yield AssignTask(task.id, on.node.id)
        else:
            yield from _explain_all([task], pending_reason(need, [on]))


def _explain_all(tasks: Iterable[Task], reason: str) -> Iterator[SetPendingReason]:
    for task in tasks:
        if task.pending_reason != reason:
            yield SetPendingReason(task.id, reason)


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
