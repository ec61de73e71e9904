"""Makes room for waiting tasks of a higher priority: tasks of lower ones leave a node.

A task may displace others once the scheduler has found no node for it. It is nominated for
the node where that costs least: the lowest priorities first, then the fewest tasks. Until it
is placed, tasks of lower priorities keep off that node, so that nobody takes the room away.
Nobody is displaced for a task that fits once those have gone that are leaving already.

Source: Kubernetes, pod priority and preemption.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from swarmpy.core.actions import Action, Decision, Evict, Nominate, take
from swarmpy.core.mode import REPLICATED, REPLICATED_JOB, mode_of
from swarmpy.core.schedule.domains import Domains
from swarmpy.core.schedule.filter import Filter, Need
from swarmpy.core.schedule.filters import NODE_FILTERS, USAGE_FILTERS, asked, pass_all
from swarmpy.core.schedule.node_tally import NodeTally, tally
from swarmpy.core.schedule.place import is_pending
from swarmpy.core.task_life import has_node, is_live, keeps_slot
from swarmpy.core.volumes import mounted
from swarmpy.pb.objects_pb2 import Node, Service, Task

MOVABLE = frozenset({REPLICATED, REPLICATED_JOB})
"""Modes whose tasks find another node; those that have volumes do not."""
GROUPS_AT_ONCE = 20
"""Services for whose tasks room is sought in one look: each costs a look at each node."""


@dataclass(frozen=True, slots=True)
class _Cost:
    """What it costs to make room on a node. Smaller is better."""

    highest: int
    tasks: int
    node_id: str
    victims: tuple[Task, ...]

    @property
    def order(self) -> tuple[int, int, str]:
        return (self.highest, self.tasks, self.node_id)


def may_displace(services: Iterable[Service]) -> bool:
    """Say whether there are different priorities at all."""
    return len({service.spec.task.priority for service in services}) > 1


def reconcile(
    nodes: Iterable[Node], services: Mapping[str, Service], tasks: Iterable[Task], now_ms: int
) -> Decision:
    """Return who is nominated for which node, and who leaves it for that."""
    rows = list(tasks)
    waiting = [task for task in rows if _seeks_room(task)]
    if not waiting:
        return Decision()
    board = _Board(nodes, services, rows, now_ms)
    waiting.sort(key=lambda task: (-task.spec.priority, task.service_id, task.slot))
    return take(board.make_room(waiting))


def _seeks_room(task: Task) -> bool:
    looked_for = bool(task.pending_reason) and not task.node_id
    return is_pending(task) and looked_for and not task.spec.never_preempts


class _Board:
    """The nodes as they will be once everybody has left who is leaving."""

    def __init__(
        self,
        nodes: Iterable[Node],
        services: Mapping[str, Service],
        tasks: Sequence[Task],
        now_ms: int,
    ) -> None:
        staying = [task for task in tasks if not _leaves(task)]
        self._tallies = tally(nodes, staying, now_ms)
        self._domains = Domains(self._tallies.values(), services)
        self._movable: dict[str, list[Task]] = {node_id: [] for node_id in self._tallies}
        for task in staying:
            service = services.get(task.service_id)
            has_data = any(mounted(task.spec))
            is_movable = service is not None and mode_of(service) in MOVABLE and not has_data
            if is_movable and task.node_id in self._movable and has_node(task) and is_live(task):
                self._movable[task.node_id].append(task)

    def make_room(self, waiting: Iterable[Task]) -> Iterator[tuple[Action, ...]]:
        hopeless: set[tuple[str, int]] = set()
        for task in waiting:
            group = (task.service_id, task.spec_version)
            if group in hopeless:
                continue
            found = self._best(task)
            if found is None:
                hopeless.add(group)
                if len(hopeless) >= GROUPS_AT_ONCE:
                    return
                continue
            self._take(task, found)
            steps = [
                Evict(victim.id, f"makes room for {task.service_name}", at_once=True)
                for victim in found.victims
            ]
            if task.nominated_node_id != found.node_id:
                yield (Nominate(task.id, found.node_id), *steps)
            elif steps:
                yield tuple(steps)

    def _best(self, task: Task) -> _Cost | None:
        need = Need.of(task).among(self._domains, self._tallies.values())
        suits, fits = asked(NODE_FILTERS, need), asked(USAGE_FILTERS, need)
        costs = [
            cost
            for on in self._tallies.values()
            if pass_all(suits, need, on) and (cost := self._cost(task, need, fits, on)) is not None
        ]
        return min(costs, key=lambda cost: cost.order, default=None)

    def _cost(self, task: Task, need: Need, fits: Sequence[Filter], on: NodeTally) -> _Cost | None:
        """Return the least that must leave a node; None when all that may is not enough."""
        lower = [one for one in self._movable[on.id] if one.spec.priority < task.spec.priority]
        lower.sort(key=lambda one: (one.spec.priority, -one.created_at_ms, one.id))
        gone = []
        while not pass_all(fits, need, on) and lower:
            gone.append(lower.pop(0))
            on.remove(gone[-1])
        enough = pass_all(fits, need, on)
        victims = []
        for one in reversed(gone):
            on.add(one)
            if enough and not pass_all(fits, need, on):
                on.remove(one)
                victims.append(one)
        for one in victims:
            on.add(one)
        if not enough:
            return None
        highest = max((one.spec.priority for one in victims), default=-(1 << 31))
        return _Cost(highest, len(victims), on.id, tuple(victims))

    def _take(self, task: Task, found: _Cost) -> None:
        on = self._tallies[found.node_id]
        for victim in found.victims:
            on.remove(victim)
            self._movable[found.node_id].remove(victim)
        on.add(task)


def _leaves(task: Task) -> bool:
    return has_node(task) and (not keeps_slot(task) or task.HasField("eviction"))
