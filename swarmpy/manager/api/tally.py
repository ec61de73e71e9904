"""Counts, for people, how many of a service's tasks run and how many should."""

from __future__ import annotations

from swarmpy.core.job_run import is_done
from swarmpy.core.mode import REPLICATED_JOB, is_job, mode_of, size_of
from swarmpy.core.new_task import is_of_this_version
from swarmpy.core.slots import slots_of
from swarmpy.core.task_life import counts_for_service, wants_to_run
from swarmpy.pb.control_pb2 import ServiceTally
from swarmpy.pb.objects_pb2 import Service, Task
from swarmpy.store.view import View


def tally_of(view: View, service: Service) -> ServiceTally:
    """Return a service's tally; one that is being removed wants nothing."""
    tasks = view.tasks.by("service_id", service.id)
    if service.removing:
        wanted = 0
    elif (size := size_of(service)) is not None:
        wanted = size
    elif mode_of(service) == REPLICATED_JOB:
        wanted = service.spec.replicated_job.completions
    else:
        wanted = len({task.node_id for task in tasks if wants_to_run(task)})
    return ServiceTally(
        service_id=service.id,
        running=sum(counts_for_service(task) for task in tasks),
        wanted=wanted,
        completed=_completed(service, tasks) if is_job(service) else 0,
    )


def _completed(service: Service, tasks: list[Task]) -> int:
    return sum(
        is_done(slot)
        for slot in slots_of(task for task in tasks if is_of_this_version(service, task))
    )
