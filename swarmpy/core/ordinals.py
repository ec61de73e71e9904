"""How the tasks of a stateful service are numbered and called.

    ordinal   first_ordinal, then one more each: what people see
    slot      ordinal + 1, whatever the first ordinal is: slots count from 1
    name      "<service>-<ordinal>", the same for every task that ever fills the slot

So a slot never changes its name, and another first ordinal takes slots away at one end and
makes some at the other.

Source: Kubernetes, StatefulSet, stable network identity and spec.ordinals.start.
"""

from __future__ import annotations

from swarmpy.core.mode import is_stateful
from swarmpy.pb.objects_pb2 import Service, Task

ORDINAL = "SWARMPY_ORDINAL"
"""Tells a task its ordinal."""
TASK_NAME = "SWARMPY_TASK_NAME"
"""Tells a task its name."""


def wanted_slots(service: Service) -> range:
    """Return the slots that a stateful service asks for, the lowest first."""
    mode = service.spec.stateful
    return range(mode.first_ordinal + 1, mode.first_ordinal + mode.replicas + 1)


def ordinal_of(slot: int) -> int:
    return slot - 1


def slot_of(ordinal: int) -> int:
    return ordinal + 1


def is_held_back(service: Service, slot: int) -> bool:
    """Say whether the service's partition keeps updates from a slot."""
    return is_stateful(service) and ordinal_of(slot) < service.spec.stateful.partition


def give_name(task: Task, service: Service) -> None:
    """Write into a task of a stateful service what its slot is called."""
    ordinal = ordinal_of(task.slot)
    task.name = f"{service.spec.name}-{ordinal}"
    task.hostname = f"{service.spec.stateful.hostname or service.spec.name}-{ordinal}"
    task.environment[ORDINAL] = str(ordinal)
    task.environment[TASK_NAME] = task.name
