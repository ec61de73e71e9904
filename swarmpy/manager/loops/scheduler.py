"""Gives every pending task a node, or the reason why it has none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from swarmpy.core.actions import IN_ORDER, Decision
from swarmpy.core.schedule.ledger import Ledger
from swarmpy.core.schedule.place import is_pending
from swarmpy.core.task_life import is_ended, keeps_slot
from swarmpy.ids import IdSource
from swarmpy.manager.loop import ControlLoop
from swarmpy.manager.placement_view import around
from swarmpy.pb.objects_pb2 import Cluster, Service, Task
from swarmpy.seams import Clock
from swarmpy.store.store import Store
from swarmpy.store.view import View
from swarmpy.store.watch import RowChange

PENDING = "pending"
"""The one key: what one task takes, another cannot have, so all are decided on at once."""


class Scheduler(ControlLoop):
    """Woken by tasks that begin to wait, by room that others leave, and by nodes.

    What a task asks for is in the task, so of services only their labels matter: affinities
    select by them.
    """

    tables: ClassVar[tuple[str, ...]] = ("tasks", "nodes", "services", "clusters")

    def __init__(self, store: Store, clock: Clock, ids: IdSource) -> None:
        super().__init__(store, clock, ids)
        self._ledger: Ledger | None = None
        """None until somebody decides, and when changes were missed."""

    def keys(self, view: View) -> Iterable[str]:
        self._ledger = None
        return (PENDING,)

    def touched(self, change: RowChange) -> Iterable[str]:
        if self._ledger is not None:
            self._follow(self._ledger, change)
        old, new = change.old, change.new
        match change.table:
            case "nodes":
                matters = True
            case "tasks":
                matters = _begins_to_wait(old, new) or _leaves_room(old, new)
            case "services":
                matters = _is_selected_anew(old, new)
            case _:
                matters = _places_otherwise(old, new)
        return (PENDING,) if matters else ()

    def _follow(self, ledger: Ledger, change: RowChange) -> None:
        old, new = change.old, change.new
        match change.table:
            case "nodes" if old is None:
                self._ledger = None
            case "nodes":
                ledger.follow_node(old, new)
            case "tasks":
                ledger.follow_task(old, new)
            case "services" if _is_selected_anew(old, new):
                ledger.look_around()
            case "clusters" if _places_otherwise(old, new):
                ledger.look_around()

    def decide(self, view: View, key: str, now_ms: int) -> Decision:
        assert key == PENDING
        if self._ledger is None:
            self._ledger = Ledger(view.nodes, view.tasks, now_ms)
        if not self._ledger.waiting:
            return IN_ORDER
        return self._ledger.decide(lambda: around(view), now_ms)


def _is_selected_anew(old: Service | None, new: Service | None) -> bool:
    """Say whether affinities that go by labels may be about other services now."""
    return old is not None and new is not None and old.spec.labels != new.spec.labels


def _places_otherwise(old: Cluster | None, new: Cluster | None) -> bool:
    return old is not None and new is not None and old.spec.strategy != new.spec.strategy


def _begins_to_wait(old: Task | None, new: Task | None) -> bool:
    return new is not None and is_pending(new) and (old is None or not is_pending(old))


def _leaves_room(old: Task | None, new: Task | None) -> bool:
    """Say whether others may go where a task was, or where room was kept for it."""
    if old is None or not (old.node_id or old.nominated_node_id):
        return False
    return (
        new is None
        or is_ended(new) != is_ended(old)
        or keeps_slot(new) != keeps_slot(old)
        or new.nominated_node_id != old.nominated_node_id
    )
