"""Hands out published ports, subnets and addresses, and makes new tasks ready for a node."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from swarmpy.core.actions import Action, Decision, Tell, take
from swarmpy.core.allocate.allocate import Holdings, allocate
from swarmpy.core.task_life import is_ended, keeps_slot
from swarmpy.manager.loop import ControlLoop
from swarmpy.manager.volume_claims import finder
from swarmpy.pb.objects_pb2 import Task
from swarmpy.pb.types_pb2 import TASK_STATE_NEW, TASK_STATE_PENDING
from swarmpy.store.view import View
from swarmpy.store.watch import RowChange

EVERYTHING = "everything"
"""The one key: what one object gets, another cannot have, so all are decided on at once."""


class Allocator(ControlLoop):
    """Woken by what asks for something, and by what gives it back."""

    tables: ClassVar[tuple[str, ...]] = ("clusters", "services", "networks", "volumes", "tasks")

    def keys(self, view: View) -> Iterable[str]:
        return (EVERYTHING,)

    def touched(self, change: RowChange) -> Iterable[str]:
        if change.table != "tasks" or _asks(change.new) or _gives_back(change.old, change.new):
            return (EVERYTHING,)
        return ()

    def decide(self, view: View, key: str, now_ms: int) -> Decision:
        assert key == EVERYTHING
        pools = [pool for cluster in view.clusters for pool in cluster.spec.address_pools]
        holdings = Holdings(
            services={service.id: service for service in view.services},
            networks={network.id: network for network in view.networks},
            tasks=view.tasks,
            waiting=view.tasks.by("to_allocate", "yes"),
            holding=lambda network_id: view.tasks.by("network_id", network_id),
            pools=tuple(pools),
            find_volume=finder(view),
        )
        return take((action,) for action in allocate(holdings) if not _is_told(view, action))


def _asks(new: Task | None) -> bool:
    return new is not None and new.status.state == TASK_STATE_NEW


def _gives_back(old: Task | None, new: Task | None) -> bool:
    if old is None or is_ended(old):
        return False
    if new is None or is_ended(new):
        return bool(old.addresses) or old.status.state == TASK_STATE_PENDING
    # Others may wait to hear on which node it puts a volume.
    return old.status.state == TASK_STATE_PENDING and keeps_slot(old) and not keeps_slot(new)


def _is_told(view: View, action: Action) -> bool:
    """Say whether the same event is still there: a lasting cause is told of once."""
    return isinstance(action, Tell) and any(
        (event.reason, event.message) == (action.event.reason, action.event.message)
        for event in view.events.by("object_id", action.event.object_id)
    )
