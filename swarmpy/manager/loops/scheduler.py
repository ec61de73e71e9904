"""Gives every pending task a node, or the reason why it has none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from swarmpy.core.actions import IN_ORDER, Decision, take
from swarmpy.core.schedule.around import Around
from swarmpy.core.schedule.node_tally import tally
from swarmpy.core.schedule.place import is_pending, place
from swarmpy.core.task_life import is_ended, keeps_slot
from swarmpy.manager.loop import ControlLoop
from swarmpy.pb.objects_pb2 import Service, Task
from swarmpy.pb.types_pb2 import PLACEMENT_STRATEGY_UNSPECIFIED, PlacementStrategy
from swarmpy.store.view import View
from swarmpy.store.watch import RowChange

PENDING = "pending"
"""The one key: what one task takes, another cannot have, so all are decided on at once."""


class Scheduler(ControlLoop):
    """Woken by tasks that begin to wait, by room that others leave, and by nodes.

    What a task asks for is in the task, so of services only their labels matter: affinities
    select by them.
    """

    tables: ClassVar[tuple[str, ...]] = ("tasks", "nodes", "services")

    def keys(self, view: View) -> Iterable[str]:
        return (PENDING,)

    def touched(self, change: RowChange) -> Iterable[str]:
        if change.table == "nodes":
            return (PENDING,)
        old, new = change.old, change.new
        if change.table == "services":
            return (PENDING,) if _is_selected_anew(old, new) else ()
        return (PENDING,) if _begins_to_wait(old, new) or _leaves_room(old, new) else ()

    def decide(self, view: View, key: str, now_ms: int) -> Decision:
        assert key == PENDING
        waiting = [task for task in view.tasks if is_pending(task)]
        if not waiting:
            return IN_ORDER
        tallies = tally(view.nodes, view.tasks, now_ms)
        around = Around(_strategy(view), {service.id: service for service in view.services})
        return take((action,) for action in place(waiting, tallies, around))


def _is_selected_anew(old: Service | None, new: Service | None) -> bool:
    return old is not None and new is not None and old.spec.labels != new.spec.labels


def _begins_to_wait(old: Task | None, new: Task | None) -> bool:
    return new is not None and is_pending(new) and (old is None or not is_pending(old))


def _leaves_room(old: Task | None, new: Task | None) -> bool:
    if old is None or not old.node_id:
        return False
    return new is None or is_ended(new) != is_ended(old) or keeps_slot(new) != keeps_slot(old)


def _strategy(view: View) -> PlacementStrategy.ValueType:
    cluster = next(iter(view.clusters), None)
    return PLACEMENT_STRATEGY_UNSPECIFIED if cluster is None else cluster.spec.strategy
