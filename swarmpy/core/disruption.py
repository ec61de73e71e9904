"""How many tasks of a service may be away at once for the sake of nodes.

A node that is drained or maintained gives its tasks away as fast as their services allow,
and so does one whose tasks are balanced anew. What is away already, for whatever reason,
uses the budget up; a slot that serves nobody may move for nothing.

Source: Kubernetes, PodDisruptionBudget v1.
"""

from __future__ import annotations

from collections.abc import Collection

from swarmpy.core.mode import is_job
from swarmpy.core.rollout.budget import resolved
from swarmpy.core.slots import Slot
from swarmpy.core.task_life import counts_for_service
from swarmpy.pb.objects_pb2 import Service


def serves(slot: Slot) -> bool:
    """Say whether a slot has a task that serves."""
    return any(counts_for_service(task) for task in slot.holders)


def allowance(service: Service, slots: Collection[Slot]) -> int:
    """Return how many more of a service's slots may stop serving now."""
    missing = sum(not serves(slot) for slot in slots)
    return max(0, _may_be_missing(service, len(slots)) - missing)


def _may_be_missing(service: Service, size: int) -> int:
    if is_job(service):
        return size
    budget = service.spec.disruption
    if budget.HasField("max_unavailable"):
        return resolved(budget.max_unavailable, size, rounds_up=False)
    if budget.HasField("min_available"):
        return size - resolved(budget.min_available, size, rounds_up=True)
    update = service.spec.update
    if update.HasField("max_unavailable"):
        return max(1, resolved(update.max_unavailable, size, rounds_up=False))
    if service.spec.HasField("update"):
        return update.parallelism or size
    return 1
