"""Which tasks had better run elsewhere: nodes have come, or come back, since they were placed.

A task moves only where that makes the service more even, on the first of these that tells
the two nodes apart: the values that the service is spread over, in their order, then the
nodes by tasks of the service, then the nodes by all their tasks. Even means that counts
differ by at most one, so a plan that was carried out leaves nothing for the next.

Left where they are: tasks of services that are packed rather than spread, or being updated,
those that must be near to others or have volumes, and those that their mode binds to a node.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from swarmpy.core.actions import AssignTask
from swarmpy.core.mode import REPLICATED, mode_of
from swarmpy.core.node_life import takes_new_tasks
from swarmpy.core.rollout.update import SETTLED
from swarmpy.core.schedule.around import Around
from swarmpy.core.schedule.attribute import value_of
from swarmpy.core.schedule.node_tally import NodeTally, tally
from swarmpy.core.schedule.place import must_be_near, place
from swarmpy.core.task_life import counts_for_service, is_live, keeps_slot
from swarmpy.core.volumes import mounted
from swarmpy.pb.objects_pb2 import Node, Service, Task
from swarmpy.pb.types_pb2 import PLACEMENT_STRATEGY_BINPACK, TASK_STATE_PENDING

REASON = "is spread better elsewhere"


@dataclass(frozen=True, slots=True)
class Move:
    """A task, and the node where it had better run."""

    task: Task
    to_node_id: str


def plan(
    nodes: Iterable[Node], tasks: Iterable[Task], around: Around, now_ms: int
) -> Iterator[Move]:
    """Yield moves, each on top of those before it, that of the most uneven service first."""
    rows = list(tasks)
    if any(_is_under_way(task) for task in rows):
        return
    tallies = tally(nodes, rows, now_ms)
    by_service: dict[str, list[Task]] = {}
    for task in rows:
        if counts_for_service(task) and task.node_id in tallies:
            by_service.setdefault(task.service_id, []).append(task)
    for service_id, own in sorted(by_service.items(), key=lambda pair: (-_most(pair[1]), pair[0])):
        service = around.services.get(service_id)
        if service is not None and _is_spread(service, around):
            yield from _even_out(own, tallies, around)


def _is_under_way(task: Task) -> bool:
    return task.HasField("eviction") and is_live(task) and keeps_slot(task)


def _most(tasks: Sequence[Task]) -> int:
    return max(Counter(task.node_id for task in tasks).values())


def _is_spread(service: Service, around: Around) -> bool:
    placement = service.spec.task.placement
    packs = (placement.strategy or around.strategy) == PLACEMENT_STRATEGY_BINPACK
    is_settled = not service.removing and service.rollout.state in SETTLED
    return mode_of(service) == REPLICATED and not packs and is_settled


def _even_out(
    own: Sequence[Task], tallies: Mapping[str, NodeTally], around: Around
) -> Iterator[Move]:
    """Yield the moves of one service's tasks until none makes it more even."""
    staying = {task.id: task for task in own if not _is_tied(task)}
    while staying:
        crowded = max(staying.values(), key=lambda task: _crowd(task, tallies))
        move = _move(crowded, tallies, around)
        if move is None:
            return
        del staying[crowded.id]
        yield move


def _is_tied(task: Task) -> bool:
    """Say whether a task has a reason to be where it is: others, or its data."""
    return must_be_near(task) or any(mounted(task.spec))


def _crowd(task: Task, tallies: Mapping[str, NodeTally]) -> tuple[int, ...]:
    """Return what makes a task the one to move: it is where most others are."""
    on = tallies[task.node_id]
    values = (_count(task, key, value_of(key, on.node), tallies) for key in _keys(task))
    return (*values, on.by_service.get(task.service_id, 0), on.tasks, task.slot)


def _move(task: Task, tallies: Mapping[str, NodeTally], around: Around) -> Move | None:
    """Return where a task had better run; the tallies are then as if it did."""
    on = tallies[task.node_id]
    on.remove(task)
    placed = next(place([_as_waiting(task)], tallies, around), None)
    if isinstance(placed, AssignTask):
        to = tallies[placed.node_id]
        if takes_new_tasks(on.node) and to is not on and _evens(task, on, to, tallies):
            return Move(task, to.id)
        to.remove(_as_waiting(task))
    on.add(task)
    return None


def _as_waiting(task: Task) -> Task:
    waiting = Task()
    waiting.CopyFrom(task)
    waiting.node_id = ""
    waiting.status.state = TASK_STATE_PENDING
    return waiting


def _evens(task: Task, on: NodeTally, to: NodeTally, tallies: Mapping[str, NodeTally]) -> bool:
    """Say whether it is worth it: the tallies count the task on `to`, and not on `on`.

    More even is: where it goes there are, with it, at most as many as were where it was.
    """
    for key in _keys(task):
        from_value, to_value = value_of(key, on.node), value_of(key, to.node)
        if from_value != to_value:
            left = _count(task, key, from_value, tallies)
            there = _count(task, key, to_value, tallies)
            if left != there - 1:
                return left >= there
    left, there = (one.by_service.get(task.service_id, 0) for one in (on, to))
    if left != there - 1:
        return left >= there
    return on.tasks >= to.tasks


def _keys(task: Task) -> list[str]:
    """Return what the service is spread over, most important first."""
    placement = task.spec.placement
    return [*placement.spread, *(one.topology_key for one in placement.topology_spread)]


def _count(task: Task, key: str, value: str, tallies: Mapping[str, NodeTally]) -> int:
    return sum(
        on.by_service.get(task.service_id, 0)
        for on in tallies.values()
        if value_of(key, on.node) == value
    )


def first(moves: Iterable[Move], most: int) -> list[Move]:
    """Return at most so many moves; the plan is made no further."""
    return list(islice(moves, most))
