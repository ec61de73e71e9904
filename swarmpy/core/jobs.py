"""Runs jobs: services whose tasks are meant to end.

A replicated job has `completions` slots, filled `parallelism` at a time; a global job has
one on every node that may run it, also on nodes that come later. A slot is done when one of
its tasks has completed. One that failed is tried again as the restart policy says, with
back-off. How the run stands is judged in job_run.py: one that has failed stops what still
runs and starts nothing more. A new version of the service is a new run: the old run's tasks go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice

from swarmpy.core.actions import (
    Action,
    CreateTask,
    Decision,
    RemoveService,
    SetDesiredState,
    SetJob,
    take,
)
from swarmpy.core.enforce import must_leave, next_leave_ms
from swarmpy.core.global_mode import fill
from swarmpy.core.job_run import (
    ends_at_ms,
    forgotten_at_ms,
    is_done,
    recorded,
    standing,
    told,
)
from swarmpy.core.mode import REPLICATED_JOB, mode_of
from swarmpy.core.moves import moves
from swarmpy.core.new_task import is_of_this_version, may_make_tasks, new_task
from swarmpy.core.reap import remove
from swarmpy.core.slots import Slot, slots_of
from swarmpy.core.task_life import is_live, wants_to_run
from swarmpy.pb.objects_pb2 import (
    JOB_STATE_COMPLETE,
    JOB_STATE_FAILED,
    JobStatus,
    Node,
    Service,
    Task,
)
from swarmpy.pb.types_pb2 import TASK_STATE_SHUTDOWN


def reconcile(
    service: Service,
    tasks: Iterable[Task],
    nodes: Mapping[str, Node],
    now_ms: int,
    *,
    may_start: bool = True,
) -> Decision:
    """Return what brings the job forward. `tasks` are all its tasks, `nodes` all there are.

    While not `may_start`, it does not begin.
    """
    rows = list(tasks)
    if service.removing:
        return take(remove(rows))
    slots = slots_of(task for task in rows if is_of_this_version(service, task))
    may_begin = may_start and may_make_tasks(service)
    status = standing(service, slots, now_ms, may_begin=may_begin)
    forgotten_ms = forgotten_at_ms(service)
    if forgotten_ms is not None and now_ms >= forgotten_ms:
        return Decision((RemoveService(service.id),))
    return take(
        chain(
            remove(task for task in rows if not is_of_this_version(service, task)),
            _record(service, status),
            _forward(service, status, slots, nodes, now_ms),
        ),
        look_again_ms=_first(
            forgotten_ms or ends_at_ms(service, status), next_leave_ms(slots, nodes, now_ms)
        ),
    )


def _first(*times_ms: int | None) -> int | None:
    return min((time_ms for time_ms in times_ms if time_ms is not None), default=None)


def _record(service: Service, status: JobStatus) -> Iterator[tuple[Action, ...]]:
    if status != recorded(service):
        event = told(service, status)
        yield (SetJob(service.id, status), *((event,) if event else ()))


def _forward(
    service: Service,
    status: JobStatus,
    slots: list[Slot],
    nodes: Mapping[str, Node],
    now_ms: int,
) -> Iterator[tuple[Action, ...]]:
    if status.state == JOB_STATE_FAILED:
        yield from _stop(slots)
        return
    yield from _leave(service, slots, nodes, now_ms)
    is_final = status.state == JOB_STATE_COMPLETE and bool(service.cron_job_id)
    if status.started_at_ms and not is_final and may_make_tasks(service):
        yield from _fill(service, slots, nodes, now_ms)


def _stop(slots: list[Slot]) -> Iterator[tuple[Action, ...]]:
    for slot in slots:
        for task in slot.holders:
            if is_live(task):
                yield (SetDesiredState(task.id, TASK_STATE_SHUTDOWN),)


def _fill(
    service: Service, slots: list[Slot], nodes: Mapping[str, Node], now_ms: int
) -> Iterator[tuple[Action, ...]]:
    if mode_of(service) != REPLICATED_JOB:
        undone = {slot.node_id: slot for slot in slots if not is_done(slot)}
        done = {slot.node_id for slot in slots if is_done(slot)}
        left = {node_id: node for node_id, node in nodes.items() if node_id not in done}
        yield from fill(service, undone, left, now_ms)
        return
    job = service.spec.replicated_job
    busy = sum(_is_busy(slot) for slot in slots)
    room = max(0, (job.parallelism or job.completions) - busy)
    taken = {slot.number for slot in slots if slot.holders or is_done(slot)}
    free = (number for number in range(1, job.completions + 1) if number not in taken)
    for number in islice(free, room):
        yield (CreateTask(new_task(service, slot=number)),)


def _leave(
    service: Service, slots: list[Slot], nodes: Mapping[str, Node], now_ms: int
) -> Iterator[tuple[Action, ...]]:
    """Yield the steps that take tasks off nodes they cannot stay on, and out of lost slots."""
    if mode_of(service) == REPLICATED_JOB:
        completions = service.spec.replicated_job.completions
        for slot in slots:
            if slot.number > completions and slot.is_live:
                yield from remove(slot.tasks)
        kept = (slot for slot in slots if slot.number <= completions)
        yield from moves(service, kept, nodes, now_ms)
        return
    for slot in slots:
        node = nodes.get(slot.node_id)
        if node is None:
            yield from remove(slot.tasks)
        elif must_leave(service.spec.task, node, now_ms):
            for task in slot.holders:
                if is_live(task):
                    yield (SetDesiredState(task.id, TASK_STATE_SHUTDOWN),)


def _is_busy(slot: Slot) -> bool:
    """Say whether it runs, or will: what failed and is about to be tried again counts."""
    return not is_done(slot) and any(wants_to_run(task) for task in slot.holders)
