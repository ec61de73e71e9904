"""Lets at most one task of a stateful service's slot run, whatever happens to nodes.

    old   RUNNING ── SHUTDOWN asked ─── node down ─── ... ─── known to have ended │
    new          NEW ── placed, made ready ── waits without limit                  │ start

A task is known to have ended when its agent says so, or when it was given up: its node was
removed, or has been down for a day (enforce.py). `swarmpy node rm --force` is how an operator who
knows better goes on at once.

The wait is in the row, as in handover.py, but without an end. Whoever makes a task for a slot
asks `waiting`; only `handover.starts` ends a wait, for one task of a slot at a time. A task that
has never been let start cannot run, so nobody waits for it.
"""

from __future__ import annotations

from collections.abc import Iterable

from swarmpy.core.task_life import has_node, is_live
from swarmpy.pb.objects_pb2 import Task

UNTIL_TOLD_MS = 1 << 53
"""As `start_after_ms`: not before managers write another time."""


def is_alone(task: Task) -> bool:
    """Say whether no other task of its slot may run beside it."""
    return bool(task.name)


def waits_until_told(task: Task) -> bool:
    return task.start_after_ms >= UNTIL_TOLD_MS


def may_run(task: Task) -> bool:
    """Say whether a node may be running it, or about to."""
    return has_node(task) and is_live(task) and not waits_until_told(task)


def waiting(task: Task, others: Iterable[Task]) -> Task:
    """Return a new task; it waits if it has to be alone and one of its slot's others may run."""
    if is_alone(task):
        if any(may_run(other) for other in others):
            task.start_after_ms, task.stop_first = UNTIL_TOLD_MS, True
        elif task.stop_first:
            task.start_after_ms, task.stop_first = 0, False
    return task
