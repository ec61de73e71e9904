"""Makes tasks: from what a service asks for now, or in the place of another task.

A task's id and times stay empty here: they are filled in where it is stored.
"""

from __future__ import annotations

from collections.abc import Iterable

from swarmpy.core.allocate.ports import is_allocated
from swarmpy.core.image_pins import digests_for
from swarmpy.core.mode import REPLICATED_JOB, is_stateful, mode_of
from swarmpy.core.ordinals import give_name
from swarmpy.core.volumes import mounted
from swarmpy.pb.objects_pb2 import Service, Task
from swarmpy.pb.specs_pb2 import ServiceSpec
from swarmpy.pb.types_pb2 import (
    PUBLISH_MODE_HOST,
    TASK_STATE_NEW,
    TASK_STATE_PENDING,
    TASK_STATE_RUNNING,
    PortConfig,
    TaskState,
)

COMPLETION_INDEX = "JOB_COMPLETION_INDEX"
"""Tells a task of a job which of its completions it is, from 0 on.  Source: Kubernetes, Job."""
DEFAULT_DRAIN_S = 1.0
"""How long a task that has left the routes still serves what is open, unless told."""


def new_task(
    service: Service,
    *,
    slot: int = 0,
    node_id: str = "",
    start_after_ms: int = 0,
    stop_first: bool = False,
) -> Task:
    """Return a task as `service` asks for it now, for a slot's number or for a node.

    It is not to start before `start_after_ms`; with `stop_first` that is only the limit of
    its wait for the tasks before it in its slot.
    """
    assert bool(slot) != bool(node_id), "a task fills a numbered slot or a node's"
    task = Task(
        spec=service.spec.task,
        service_id=service.id,
        service_name=service.spec.name,
        slot=slot,
        node_id=node_id,
        desired_state=TASK_STATE_RUNNING,
        spec_version=service.spec_version,
        ports=service.ports,
        start_after_ms=start_after_ms,
        stop_first=stop_first,
        drain_s=_drain_s(service.spec),
        job_iteration=service.job_iteration,
        image_digests=digests_for(service),
    )
    task.status.state = _first_state(task)
    if mode_of(service) == REPLICATED_JOB:
        task.environment[COMPLETION_INDEX] = str(slot - 1)
    if is_stateful(service):
        give_name(task, service)
    return task


def successor(task: Task, *, start_after_ms: int = 0) -> Task:
    """Return a task that does the same as `task` in its slot, whatever its service has become.

    Only a rollout moves a slot to another spec.
    """
    following = Task(
        spec=task.spec,
        service_id=task.service_id,
        service_name=task.service_name,
        slot=task.slot,
        node_id="" if task.slot else task.node_id,
        desired_state=TASK_STATE_RUNNING,
        spec_version=task.spec_version,
        ports=task.ports,
        start_after_ms=start_after_ms,
        drain_s=task.drain_s,
        job_iteration=task.job_iteration,
        environment=task.environment,
        name=task.name,
        hostname=task.hostname,
        image_digests=task.image_digests,
    )
    following.status.state = _first_state(following)
    return following


def _first_state(task: Task) -> TaskState.ValueType:
    """A task knows its ports from the start: without networks and volumes it needs only a node."""
    needs_more = bool(task.spec.networks) or any(mounted(task.spec))
    return TASK_STATE_NEW if needs_more else TASK_STATE_PENDING


def may_make_tasks(service: Service) -> bool:
    """Say whether a new task would know its ports."""
    return not service.removing and (not service.spec.endpoint.ports or is_allocated(service))


def is_of_this_version(service: Service, task: Task) -> bool:
    """Say whether `task` was made from what the service is now, in a job's present run."""
    made_from = (task.spec_version, task.job_iteration)
    return made_from == (service.spec_version, service.job_iteration)


def is_current(service: Service, task: Task) -> bool:
    """Say whether `task` is what a new task of `service` would be.

    What counts is what it runs, not when it was made: after a rollback the tasks that were
    never updated are right as they are.
    """
    if task.spec_version != service.spec_version and task.spec != service.spec.task:
        return False
    return _bound(task.ports) == _bound(service.ports)


def _bound(ports: Iterable[PortConfig]) -> set[tuple[int, int, int]]:
    """Return what of the ports a running container cannot change."""
    return {
        (port.protocol, port.target, port.published if port.mode == PUBLISH_MODE_HOST else 0)
        for port in ports
    }


def _drain_s(spec: ServiceSpec) -> float:
    """Return 0 for a task that no route leads to: nothing is open that could be drained."""
    return spec.endpoint.drain_s or (DEFAULT_DRAIN_S if spec.endpoint.ports else 0.0)
