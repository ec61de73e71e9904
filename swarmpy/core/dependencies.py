"""Says which services a service still waits for before its first tasks are made."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from swarmpy.core.job_run import is_done, recorded
from swarmpy.core.mode import is_job, size_of
from swarmpy.core.slots import slots_of
from swarmpy.core.task_life import counts_for_service, has_completed, wants_to_run
from swarmpy.pb.objects_pb2 import JOB_STATE_COMPLETE, Service, Task
from swarmpy.pb.specs_pb2 import (
    DEPENDENCY_CONDITION_HEALTHY,
    DEPENDENCY_CONDITION_STARTED,
    DependencyCondition,
)
from swarmpy.pb.types_pb2 import (
    TASK_STATE_COMPLETE,
    TASK_STATE_RUNNING,
    TASK_STATE_STARTING,
)

_AWAITED = frozenset({TASK_STATE_STARTING, TASK_STATE_RUNNING, TASK_STATE_COMPLETE})


def unmet(
    service: Service,
    find: Callable[[str], Service | None],
    tasks_of: Callable[[Service], Iterable[Task]],
) -> tuple[str, ...]:
    """Return the services in `depends_on` whose condition does not hold yet, in order.

    `find` returns the service of a name. One that asks for no tasks is waited for by nobody, one
    that nothing is named by everybody.
    """
    return tuple(
        wait.service
        for wait in service.spec.depends_on
        if (other := find(wait.service)) is None or not _holds(wait.condition, other, tasks_of)
    )


def is_news(old: Task | None, new: Task | None) -> bool:
    """Say whether somebody may have waited for this change of a task."""
    if new is None or new.status.state not in _AWAITED:
        return False
    if old is None or old.status.state != new.status.state:
        return True
    return old.status.unready != new.status.unready


def _holds(
    condition: DependencyCondition.ValueType,
    service: Service,
    tasks_of: Callable[[Service], Iterable[Task]],
) -> bool:
    if service.removing:
        return False
    if is_job(service):
        return recorded(service).state == JOB_STATE_COMPLETE
    if size_of(service) == 0:
        return True
    tasks = list(tasks_of(service))
    if condition == DEPENDENCY_CONDITION_STARTED:
        return any(_has_started(task) for task in tasks)
    if condition == DEPENDENCY_CONDITION_HEALTHY:
        return any(counts_for_service(task) for task in tasks)
    return _has_completed(service, tasks)


def _has_completed(service: Service, tasks: list[Task]) -> bool:
    slots = [slot for slot in slots_of(tasks) if slot.holders]
    wanted = size_of(service) or len(slots)
    return bool(slots) and sum(is_done(slot) for slot in slots) >= wanted


def _has_started(task: Task) -> bool:
    is_up = task.status.state in {TASK_STATE_STARTING, TASK_STATE_RUNNING} and wants_to_run(task)
    return is_up or has_completed(task)
