"""Reads a task's life: what it is, what managers want of it, and what may come next.

Two states tell it. `status.state` is observed: it only grows, and an end is the end.
`desired_state` is the managers' and only grows, too:

    RUNNING   run it; the restart loop replaces it when it ends
    COMPLETE  it has ended and that is that: it keeps its slot, nothing replaces it
    SHUTDOWN  stop it; it no longer keeps its slot, its row stays as history
    REMOVE    stop it and forget it
"""

from __future__ import annotations

from swarmpy.pb.objects_pb2 import Task
from swarmpy.pb.types_pb2 import (
    TASK_STATE_ASSIGNED,
    TASK_STATE_COMPLETE,
    TASK_STATE_FAILED,
    TASK_STATE_REJECTED,
    TASK_STATE_REMOVE,
    TASK_STATE_RUNNING,
    TaskState,
)

FAILED_STATES = frozenset({TASK_STATE_FAILED, TASK_STATE_REJECTED})


def may_become(now: TaskState.ValueType, following: TaskState.ValueType) -> bool:
    """Say whether a task observed in `now` may next be observed in `following`.

    States only grow, what has ended stays as it ended, and REMOVE is only ever desired.
    """
    if following == TASK_STATE_REMOVE:
        return False
    return now == following or (now <= TASK_STATE_RUNNING and now < following)


def is_ended(task: Task) -> bool:
    """It runs no more and will not run again."""
    return task.status.state > TASK_STATE_RUNNING


def is_live(task: Task) -> bool:
    """It runs, or may yet."""
    return not is_ended(task)


def is_running(task: Task) -> bool:
    """It is up; it was healthy at least once where it has a health check."""
    return task.status.state == TASK_STATE_RUNNING


def is_ready(task: Task) -> bool:
    """It runs, and its containers say that they can do their work."""
    return is_running(task) and not task.status.unready


def has_failed(task: Task) -> bool:
    """It ended by itself, and not as it should."""
    return task.status.state in FAILED_STATES


def has_completed(task: Task) -> bool:
    """It ended by itself with exit code 0."""
    return task.status.state == TASK_STATE_COMPLETE


def has_node(task: Task) -> bool:
    """A node was chosen, so an agent may hold it."""
    return task.status.state >= TASK_STATE_ASSIGNED


def wants_to_run(task: Task) -> bool:
    """Managers want it to run, or to be replaced if it cannot."""
    return task.desired_state <= TASK_STATE_RUNNING


def keeps_slot(task: Task) -> bool:
    """Its slot is filled by it, even if it has ended for good."""
    return task.desired_state <= TASK_STATE_COMPLETE


def is_being_stopped(task: Task) -> bool:
    """Managers gave it up, and it has not ended yet."""
    return is_live(task) and not keeps_slot(task)


def counts_for_service(task: Task) -> bool:
    """It serves: it is ready, and managers want it to be."""
    return is_ready(task) and wants_to_run(task)


def since_ms(task: Task) -> int:
    """Return since when the task is in its state, by the managers' clock.

    Agents' clocks may be wrong, so what they say is kept between the creation of the row and
    its last change.
    """
    return max(task.created_at_ms, min(task.status.since_ms, task.updated_at_ms))


def readiness_since_ms(task: Task) -> int:
    """Return since when a running task is ready, or not ready, by the managers' clock."""
    said_ms = task.status.readiness_since_ms
    if not said_ms:
        return since_ms(task)
    return max(since_ms(task), min(said_ms, task.updated_at_ms))


def ran_ms(task: Task) -> int:
    """Return for how long an ended task had been RUNNING; 0 if it never was."""
    if not task.status.started_at_ms:
        return 0
    return max(0, task.status.since_ms - task.status.started_at_ms)
