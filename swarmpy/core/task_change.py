"""What a change of a task means to the loops: most changes mean nothing to most of them.

A service of ten thousand tasks changes ten thousand times while it starts, and a decision
looks at all of its tasks. So each loop says which changes could make it decide otherwise.
"""

from __future__ import annotations

from swarmpy.core.task_life import is_ended, is_ready, keeps_slot, wants_to_run
from swarmpy.pb.objects_pb2 import Task


def slot_is_otherwise(old: Task | None, new: Task | None) -> bool:
    """It takes its slot, or gives it up."""
    return _keeps(old) != _keeps(new)


def awaits_restart(new: Task | None) -> bool:
    """It has ended by itself, and nobody has decided yet whether it is replaced."""
    return new is not None and is_ended(new) and wants_to_run(new)


def ends(old: Task | None, new: Task | None) -> bool:
    """It has ended just now, or is forgotten."""
    return new is None or (is_ended(new) and not (old is not None and is_ended(old)))


def serves_otherwise(old: Task | None, new: Task | None) -> bool:
    """It is ready now, or is no more."""
    return _is_ready(old) != _is_ready(new)


def is_placed(old: Task | None, new: Task | None) -> bool:
    """It has a node now that it did not have."""
    return new is not None and bool(new.node_id) and (old is None or old.node_id != new.node_id)


def is_given_up(new: Task | None) -> bool:
    """Its row is history, or is to be forgotten."""
    return new is None or not keeps_slot(new)


def _keeps(task: Task | None) -> bool:
    return task is not None and keeps_slot(task)


def _is_ready(task: Task | None) -> bool:
    return task is not None and is_ready(task)
