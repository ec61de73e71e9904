"""Says which services a service still waits for before its first tasks are made."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from swarmpy.core.job_run import recorded
from swarmpy.core.mode import REPLICATED, is_job, mode_of
from swarmpy.core.task_life import counts_for_service
from swarmpy.pb.objects_pb2 import JOB_STATE_COMPLETE, Service, Task


def unmet(
    service: Service,
    find: Callable[[str], Service | None],
    tasks_of: Callable[[Service], Iterable[Task]],
) -> tuple[str, ...]:
    """Return the names in `depends_on` that are not up yet, in order.

    `find` returns the service of a name. A service is up while one of its tasks runs, or when
    it asks for none; a job is up once it has completed. A name that nothing has is waited for.
    """
    return tuple(
        name
        for name in service.spec.depends_on
        if (other := find(name)) is None or not _is_up(other, tasks_of)
    )


def _is_up(service: Service, tasks_of: Callable[[Service], Iterable[Task]]) -> bool:
    if service.removing:
        return False
    if is_job(service):
        return recorded(service).state == JOB_STATE_COMPLETE
    if mode_of(service) == REPLICATED and not service.spec.replicated.replicas:
        return True
    return any(counts_for_service(task) for task in tasks_of(service))
