"""Updates a service: moves its slots to what it asks for now, a few at a time.

    batch    `parallelism` slots (0: all; without an update config: 1), the broken ones first
    order    stop-first: the old task is stopped, the new one, prepared meanwhile, starts when
             it has ended; start-first: the old one stops once the new one has proven itself
    proof    the new task is RUNNING and stays so for `monitor` (1 s unless set). Only then is
             a batch over; `delay` later comes the next
    budgets  with `max_surge` or `max_unavailable` there are no batches (budget.py)
    stateful the highest ordinal first, none below its partition; always stop-first, and the new
             task waits until the old one is known to have ended (one_at_a_time.py)
    failure  a new task ends before it has proven itself, or is not RUNNING within its progress
             deadline (ten minutes unless set).
             Past `max_failure_ratio` of the slots: pause (default), rollback, or continue

All of it is read from the tasks and `service.rollout`, so a new leader goes on in the middle.
A rollback is the same thing towards the spec before, under `spec.rollback`: tasks that were
not updated yet are what it asks for, and stay untouched. It happens once; if it fails too,
the rollout pauses. Jobs have no rollout: a new version is a new run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from swarmpy.core.actions import Action, AdoptTask, Decision, SetDesiredState, SetRollout, take
from swarmpy.core.handover import starts
from swarmpy.core.new_task import is_current, may_make_tasks
from swarmpy.core.rollout.batch import next_batch
from swarmpy.core.rollout.budget import has_budgets, within_budgets
from swarmpy.core.rollout.end import complete, fail
from swarmpy.core.rollout.progress import Progress
from swarmpy.core.rollout.update import SETTLED, Update, look
from swarmpy.core.slots import key_of
from swarmpy.core.task_life import keeps_slot
from swarmpy.pb.objects_pb2 import Node, Service, Task
from swarmpy.pb.types_pb2 import TASK_STATE_READY, TASK_STATE_SHUTDOWN


def roll_out(
    service: Service, tasks: Iterable[Task], nodes: Mapping[str, Node], now_ms: int
) -> Decision:
    """Return the next steps of the service's update; `tasks` are all its tasks.

    `nodes` holds at least those that tasks are on. Tasks that wait for others in their slot
    are started also when nothing is being updated.
    """
    rows = list(tasks)
    if not may_make_tasks(service):
        return take(starts(rows, nodes, now_ms))
    update = look(service, rows, nodes, now_ms)
    finishing = (
        *starts(rows, nodes, now_ms),
        *_adopt(service, rows),
        *_retire(update.progress),
    )
    if not update.is_active:
        hands_over = any(entry.leaving for entry in update.progress.slots)
        return take(finishing, update.progress.next_ms if hands_over else None)
    if update.has_failed:
        return take((*finishing, fail(update)))
    if update.is_over:
        return take((*finishing, complete(update)))
    return _go_on(update, finishing)


def is_at_rest(service: Service, tasks: Iterable[Task]) -> bool:
    """Say whether nothing is being updated, and nobody waits for another task of its slot."""
    holders = [task for task in tasks if keeps_slot(task)]
    one_each = len({key_of(task) for task in holders}) == len(holders)
    return (
        one_each
        and service.rollout.state in SETTLED
        and all(task.spec_version == service.spec_version for task in holders)
        and not any(task.stop_first and task.status.state <= TASK_STATE_READY for task in holders)
    )


def _go_on(update: Update, finishing: Iterable[tuple[Action, ...]]) -> Decision:
    steps = (*finishing, *_begin(update))
    if has_budgets(update.config):
        return take((*steps, *within_budgets(update)), update.progress.next_ms)
    batch_ms = update.next_batch_ms
    if batch_ms is None:
        return take(steps, update.progress.next_ms)
    if batch_ms > update.now_ms:
        return take(steps, batch_ms)
    return take((*steps, *next_batch(update)))


def _begin(update: Update) -> Iterator[tuple[Action, ...]]:
    if update.service.rollout != update.status:
        yield (SetRollout(update.service.id, update.status),)


def _adopt(service: Service, tasks: Iterable[Task]) -> Iterator[tuple[Action, ...]]:
    """Yield a step for each task of an older version that is just what is asked for."""
    for task in tasks:
        older = task.spec_version < service.spec_version
        if older and keeps_slot(task) and is_current(service, task):
            yield (AdoptTask(task.id, service.spec_version),)


def _retire(progress: Progress) -> Iterator[tuple[Action, ...]]:
    """Yield the steps that stop what a proven new task has taken over from."""
    for entry in progress.slots:
        if entry.taken_over:
            for task in entry.leaving:
                yield (SetDesiredState(task.id, TASK_STATE_SHUTDOWN),)
