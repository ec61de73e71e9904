"""Sees how far an update has come, slot by slot, from the tasks alone.

TO_DO      held by tasks of an older spec only
UNDER_WAY  its new task is not RUNNING and ready yet, or not for long enough
DONE       its new task has stayed ready for `monitor`, or ended well where it may
FAILED     a new task ended before it had, was not ready by the progress deadline, or is a pod
           whose containers crash again and again

What failed before somebody said to go on is forgiven: its slot is TO_DO again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from swarmpy.core.new_task import is_current
from swarmpy.core.one_at_a_time import waits_until_told
from swarmpy.core.pod import crash_loop
from swarmpy.core.restart import may_end
from swarmpy.core.slots import Slot, held_slots
from swarmpy.core.task_life import (
    has_completed,
    has_failed,
    is_ended,
    is_ready,
    is_running,
    ran_ms,
    readiness_since_ms,
    since_ms,
)
from swarmpy.pb.objects_pb2 import Service, Task


class Stage(StrEnum):
    """What a slot has come to in an update."""

    TO_DO = "to do"
    UNDER_WAY = "under way"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SlotProgress:
    """One slot in an update."""

    slot: Slot
    stage: Stage
    leaving: tuple[Task, ...] = ()
    """The tasks that keep it beside its newest one of the spec that is asked for."""
    taken_over: bool = False
    """That newest one has proven itself, be it at the second try: the others may go."""
    proven_ms: int = 0
    """When its new task had, or will have, stayed up for long enough; 0 if that is not known."""
    next_ms: int | None = None
    """When it becomes another stage by time alone."""


@dataclass(frozen=True, slots=True)
class Progress:
    """All the slots that a service holds."""

    slots: tuple[SlotProgress, ...]

    def at(self, stage: Stage) -> list[Slot]:
        return [entry.slot for entry in self.slots if entry.stage == stage]

    @property
    def proven_ms(self) -> int:
        """When the last new task that runs had stayed up for long enough; 0 without any."""
        return max((entry.proven_ms for entry in self.slots), default=0)

    @property
    def next_ms(self) -> int | None:
        return min((e.next_ms for e in self.slots if e.next_ms is not None), default=None)


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What progress is measured by."""

    service: Service
    monitor_ms: int
    deadline_ms: int
    """How long a new task may take to be RUNNING; a task that no node takes ends a rollout so."""
    started_ms: int
    """When the update began, or was resumed."""
    forgiven_ms: int
    """Tasks made before this that failed are forgiven."""
    now_ms: int


def progress_of(tasks: Iterable[Task], yardstick: Yardstick) -> Progress:
    """Return where each held slot of a service stands; `tasks` are all its tasks."""
    return Progress(tuple(_progress(slot, yardstick) for slot in held_slots(tasks).values()))


def _progress(slot: Slot, by: Yardstick) -> SlotProgress:
    current = [
        task for task in slot.holders if is_current(by.service, task) and not _is_forgiven(by, task)
    ]
    if not current:
        return SlotProgress(slot, Stage.TO_DO)
    newest = current[-1]
    leaving = tuple(holder for holder in slot.holders if holder is not newest)
    progress = _by_newest(SlotProgress(slot, Stage.UNDER_WAY, leaving), newest, by)
    if any(_failed_early(by, task) for task in slot.tasks):
        return replace(progress, stage=Stage.FAILED)
    return progress


def _by_newest(progress: SlotProgress, task: Task, by: Yardstick) -> SlotProgress:
    """Return what a slot has come to by its newest task alone."""
    if is_ready(task):
        proven_ms = readiness_since_ms(task) + by.monitor_ms
        if proven_ms > by.now_ms:
            return replace(progress, proven_ms=proven_ms, next_ms=proven_ms)
        return replace(progress, stage=Stage.DONE, taken_over=True, proven_ms=proven_ms)
    if is_ended(task):
        return replace(progress, stage=Stage.DONE, taken_over=not _failed_early(by, task))
    if waits_until_told(task):
        return progress
    begun_ms = max(task.created_at_ms, task.start_after_ms, by.started_ms)
    if is_running(task):
        begun_ms = max(begun_ms, _last_ready_ms(task))
    limit_ms = begun_ms + by.deadline_ms
    if limit_ms <= by.now_ms or crash_loop(task.status.containers):
        return replace(progress, stage=Stage.FAILED)
    return replace(progress, next_ms=limit_ms)


def _last_ready_ms(task: Task) -> int:
    """Return when an unready task was ready last; 0 when it never was."""
    lost_ms = readiness_since_ms(task)
    return lost_ms if lost_ms > since_ms(task) else 0


def _is_forgiven(by: Yardstick, task: Task) -> bool:
    return task.created_at_ms < by.forgiven_ms and _did_not_stay_up(by, task)


def _failed_early(by: Yardstick, task: Task) -> bool:
    return task.created_at_ms >= by.forgiven_ms and _did_not_stay_up(by, task)


def _did_not_stay_up(by: Yardstick, task: Task) -> bool:
    """Say whether a task of this very update ended before it had proven itself."""
    if task.spec_version != by.service.spec_version or not is_current(by.service, task):
        return False
    ended = has_failed(task) or (has_completed(task) and not may_end(by.service, task))
    return ended and (not task.status.started_at_ms or ran_ms(task) < by.monitor_ms)
