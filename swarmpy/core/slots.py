"""Groups a service's tasks by slot: the place that one task at a time fills.

A replicated service has slots 1, 2, 3...; where a service runs once on every node, each
node is a slot. Tasks that replace each other share one. For a while it may hold two, during
a restart or an update, so sizes are counted in slots, never in tasks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from swarmpy.core.task_life import is_live, is_ready, keeps_slot
from swarmpy.pb.objects_pb2 import Task

SlotKey: TypeAlias = tuple[int, str]
"""(number, "") or (0, node id)."""


@dataclass(frozen=True, slots=True)
class Slot:
    """All the tasks of one slot, oldest first; at least one."""

    key: SlotKey
    tasks: tuple[Task, ...]

    @property
    def number(self) -> int:
        return self.key[0]

    @property
    def node_id(self) -> str:
        """The node it is bound to; "" for a numbered slot."""
        return self.key[1]

    @property
    def holders(self) -> tuple[Task, ...]:
        """The tasks that keep it, oldest first; none when the slot is free."""
        return tuple(task for task in self.tasks if keeps_slot(task))

    @property
    def runs(self) -> bool:
        """It serves now."""
        return any(is_ready(task) for task in self.holders)

    @property
    def is_live(self) -> bool:
        return any(is_live(task) for task in self.holders)


def key_of(task: Task) -> SlotKey:
    return (task.slot, "" if task.slot else task.node_id)


def slots_of(tasks: Iterable[Task]) -> list[Slot]:
    """Return the slots of one service's tasks, in the order of their keys."""
    groups: dict[SlotKey, list[Task]] = {}
    for task in sorted(tasks, key=_age):
        groups.setdefault(key_of(task), []).append(task)
    return [Slot(key, tuple(groups[key])) for key in sorted(groups)]


def held_slots(tasks: Iterable[Task]) -> dict[SlotKey, Slot]:
    """Return only the slots that some task keeps."""
    return {slot.key: slot for slot in slots_of(tasks) if slot.holders}


def _age(task: Task) -> tuple[int, int, str]:
    return (task.created_at_ms, task.start_after_ms, task.id)
