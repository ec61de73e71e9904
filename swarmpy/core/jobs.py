"""Runs jobs: services whose tasks are meant to end.

A replicated job has `completions` slots, filled `parallelism` at a time; a global job has
one on every node that may run it, also on nodes that come later. A slot is done when one of
its tasks has completed. One that failed is tried again as the restart policy says, with
back-off, and has failed for good when that policy gives it up; then the job has failed and
starts nothing more. A new version of the service is a new run: the old run's tasks go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import islice

from swarmpy.core.actions import Action, CreateTask, Decision, SetDesiredState, take
from swarmpy.core.enforce import moves, must_leave
from swarmpy.core.global_mode import fill
from swarmpy.core.mode import REPLICATED_JOB, mode_of
from swarmpy.core.new_task import may_make_tasks, new_task
from swarmpy.core.reap import remove
from swarmpy.core.slots import Slot, slots_of
from swarmpy.core.task_life import has_completed, is_ended, is_live, wants_to_run
from swarmpy.pb.objects_pb2 import Node, Service, Task
from swarmpy.pb.types_pb2 import TASK_STATE_SHUTDOWN


class Outcome(StrEnum):
    """How a job's present run stands."""

    RUNNING = "running"
    COMPLETE = "complete"
    FAILED = "failed"


def reconcile(
    service: Service,
    tasks: Iterable[Task],
    nodes: Mapping[str, Node],
    now_ms: int,
    *,
    may_start: bool = True,
) -> Decision:
    """Return what brings the job forward. `tasks` are all its tasks, `nodes` all there are.

    While not `may_start`, it fills no slot.
    """
    rows = list(tasks)
    if service.removing:
        return take(remove(rows))
    past = [task for task in rows if not _is_of_this_run(service, task)]
    slots = slots_of(task for task in rows if _is_of_this_run(service, task))
    has_failed = any(_has_failed(slot) for slot in slots)
    may_fill = may_start and may_make_tasks(service) and not has_failed
    return take(
        (
            *remove(past),
            *_leave(service, slots, nodes),
            *(_fill(service, slots, nodes, now_ms) if may_fill else ()),
        )
    )


def outcome(service: Service, tasks: Iterable[Task]) -> Outcome:
    """Return how the present run of a job stands; `tasks` are all its tasks."""
    slots = slots_of(task for task in tasks if _is_of_this_run(service, task))
    if any(_has_failed(slot) for slot in slots):
        return Outcome.FAILED
    done = sum(_is_done(slot) for slot in slots)
    if mode_of(service) == REPLICATED_JOB:
        complete = done >= service.spec.replicated_job.completions
    else:
        complete = bool(slots) and done == len(slots)
    return Outcome.COMPLETE if complete else Outcome.RUNNING


def _fill(
    service: Service, slots: list[Slot], nodes: Mapping[str, Node], now_ms: int
) -> Iterator[tuple[Action, ...]]:
    if mode_of(service) != REPLICATED_JOB:
        undone = {slot.node_id: slot for slot in slots if not _is_done(slot)}
        done = {slot.node_id for slot in slots if _is_done(slot)}
        left = {node_id: node for node_id, node in nodes.items() if node_id not in done}
        yield from fill(service, undone, left, now_ms)
        return
    job = service.spec.replicated_job
    busy = sum(_is_busy(slot) for slot in slots)
    room = max(0, (job.parallelism or job.completions) - busy)
    taken = {slot.number for slot in slots if slot.holders or _is_done(slot)}
    free = (number for number in range(1, job.completions + 1) if number not in taken)
    for number in islice(free, room):
        yield (CreateTask(new_task(service, slot=number)),)


def _leave(
    service: Service, slots: list[Slot], nodes: Mapping[str, Node]
) -> Iterator[tuple[Action, ...]]:
    """Yield the steps that take tasks off nodes they cannot stay on, and out of lost slots."""
    if mode_of(service) == REPLICATED_JOB:
        completions = service.spec.replicated_job.completions
        for slot in slots:
            if slot.number > completions and slot.is_live:
                yield from remove(slot.tasks)
        yield from moves(service, (slot for slot in slots if slot.number <= completions), nodes)
        return
    for slot in slots:
        node = nodes.get(slot.node_id)
        if node is None:
            yield from remove(slot.tasks)
        elif must_leave(service.spec.task, node):
            for task in slot.holders:
                if is_live(task):
                    yield (SetDesiredState(task.id, TASK_STATE_SHUTDOWN),)


def _is_of_this_run(service: Service, task: Task) -> bool:
    return (task.spec_version, task.job_iteration) == (
        service.spec_version,
        service.job_iteration,
    )


def _is_done(slot: Slot) -> bool:
    return any(has_completed(task) for task in slot.tasks)


def _is_busy(slot: Slot) -> bool:
    """Say whether it runs, or will: what failed and is about to be tried again counts."""
    return not _is_done(slot) and any(wants_to_run(task) for task in slot.holders)


def _has_failed(slot: Slot) -> bool:
    """Say whether its restart policy has given it up."""
    return not _is_done(slot) and any(
        is_ended(task) and not wants_to_run(task) for task in slot.holders
    )
