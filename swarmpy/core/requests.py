"""How much room a task asks its node for, and what bounds each of its containers."""

from __future__ import annotations

from collections.abc import Iterable

from swarmpy.pb.specs_pb2 import ContainerSpec, TaskSpec
from swarmpy.pb.types_pb2 import Resources


def reservations_of(spec: TaskSpec) -> Resources:
    """Return what a task reserves: its own, and on top of it what its containers do, which is the
    sum of those that run at once, or that of the largest init container if it is more.

    The answer is shared and read-only.
    Source: https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing
    """
    if not _says_more(spec):
        return spec.reservations
    mains = [one.reservations for one in spec.containers]
    inits = [one.reservations for one in spec.init_containers]
    total = Resources()
    total.CopyFrom(spec.reservations)
    total.nano_cpus += _most((one.nano_cpus for one in mains), (one.nano_cpus for one in inits))
    total.memory_bytes += _most(
        (one.memory_bytes for one in mains), (one.memory_bytes for one in inits)
    )
    for kind in {kind for one in (*mains, *inits) for kind in one.generic}:
        total.generic[kind] += _most(
            (one.generic.get(kind, 0) for one in mains), (one.generic.get(kind, 0) for one in inits)
        )
    return total


def limits_of(spec: TaskSpec, container: ContainerSpec) -> Resources:
    """Return what bounds one container: its own limits, or else its task's."""
    return container.limits if container.HasField("limits") else spec.limits


def _most(at_once: Iterable[int], one_by_one: Iterable[int]) -> int:
    return max(sum(at_once), max(one_by_one, default=0))


def _says_more(spec: TaskSpec) -> bool:
    """Say whether any container reserves by itself: asked for every task that is placed."""
    for one in spec.containers:
        if one.HasField("reservations"):
            return True
    return any(one.HasField("reservations") for one in spec.init_containers)
