"""Words what a pod reports: the task's state, each container's, and whether it is ready."""

from __future__ import annotations

from collections.abc import Sequence

from swarmpy.core.exit_words import how_it_ended
from swarmpy.core.pod import SANDBOX, all_containers
from swarmpy.core.pod_container import is_done, status_now
from swarmpy.core.step import Report, Seen
from swarmpy.pb.objects_pb2 import Task, TaskStatus
from swarmpy.pb.types_pb2 import (
    CONTAINER_STATE_ENDED,
    CONTAINER_STATE_WAITING,
    TASK_STATE_COMPLETE,
    TASK_STATE_FAILED,
    TASK_STATE_RUNNING,
    TASK_STATE_STARTING,
    ContainerStatus,
    PortBinding,
    TaskState,
)


def written_down(task: Task, seen: Seen) -> list[ContainerStatus]:
    """Return each container's status as it was reported last, in the order of the spec."""
    known = {status.name: status for status in seen.status.containers}
    inits = {spec.name for spec in task.spec.init_containers}
    return [
        known.get(spec.name) or ContainerStatus(name=spec.name, init=spec.name in inits)
        for spec in all_containers(task.spec)
    ]


def statuses_now(task: Task, seen: Seen, now_ms: int) -> list[ContainerStatus]:
    """Return each container's status as it is, in the order of the spec."""
    return [
        status_now(task.spec, spec, before, seen.pod, now_ms)
        for spec, before in zip(all_containers(task.spec), written_down(task, seen), strict=True)
    ]


def report(
    task: Task, seen: Seen, state: TaskState.ValueType, now_ms: int, *, error: str = ""
) -> Report:
    """Return the report of a new state."""
    status = _status(seen, state, now_ms)
    status.error = error
    if seen.pod.containers:
        _set_containers(status, written_down(task, seen))
    return Report(status)


def report_end(
    seen: Seen, of: ContainerStatus, statuses: Sequence[ContainerStatus], now_ms: int
) -> Report:
    """Return the report of a task that has ended as one of its containers did."""
    has_failed = bool(of.exit_code or of.killed_because)
    ending = TASK_STATE_FAILED if has_failed else TASK_STATE_COMPLETE
    status = _status(seen, ending, now_ms)
    _set_containers(status, statuses)
    status.exited, status.exit_code = True, of.exit_code
    status.container_id = of.container_id
    kind = "init container" if of.init else "container"
    status.message = of.message
    status.error = f"{kind} {of.name}: {of.message}" if has_failed else ""
    return Report(status)


def _status(seen: Seen, state: TaskState.ValueType, now_ms: int) -> TaskStatus:
    assert seen.status.state <= state, "states only grow"
    status = TaskStatus()
    status.CopyFrom(seen.status)
    status.state = state
    status.message = status.error = ""
    if state != seen.status.state:
        status.since_ms = now_ms
    if state > TASK_STATE_RUNNING:
        status.unready = False
    return status


def at_its_end(task: Task, seen: Seen) -> TaskStatus:
    """Return the status of a task that has ended, with how each of its containers did."""
    status = TaskStatus()
    status.CopyFrom(seen.status)
    for one in status.containers:
        container = seen.pod.containers.get(one.name)
        if container is None or container.exit is None:
            continue
        if one.state != CONTAINER_STATE_ENDED or one.back_off_until_ms:
            one.state = CONTAINER_STATE_ENDED
            one.started = one.ready = False
            one.exited, one.exit_code = True, container.exit.code
            one.message = how_it_ended(container.exit)
            one.back_off_until_ms = 0
    return status


def report_one(task: Task, seen: Seen, changed: ContainerStatus, now_ms: int) -> Report:
    """Return the report that one container's status is another one."""
    statuses = [changed if one.name == changed.name else one for one in written_down(task, seen)]
    return Report(status_of(task, seen, statuses, now_ms))


def status_of(
    task: Task, seen: Seen, statuses: Sequence[ContainerStatus], now_ms: int
) -> TaskStatus:
    """Return the task's status while it is wanted and nothing has ended it."""
    before = seen.status
    status = TaskStatus()
    status.CopyFrom(before)
    status.error = ""
    _set_containers(status, statuses)
    mains = [one for one in statuses if not one.init]
    if before.state < TASK_STATE_RUNNING:
        if all(one.started or is_done(task.spec, one) for one in mains):
            status.state, status.started_at_ms = TASK_STATE_RUNNING, now_ms
        elif any(one.run_id for one in statuses):
            status.state = TASK_STATE_STARTING
    if status.state != before.state:
        status.since_ms = now_ms
    ports = ports_of(seen)
    if status.state == TASK_STATE_RUNNING:
        unready = not all(one.ready or is_done(task.spec, one) for one in mains)
        if status.state != before.state or unready != before.unready:
            status.readiness_since_ms = now_ms
        status.unready = unready
    if tuple(status.ports) != ports:
        del status.ports[:]
        status.ports.extend(ports)
    status.message = _in_words(task, statuses)
    return status


def ports_of(seen: Seen) -> tuple[PortBinding, ...]:
    """Return where the pod's ports answer."""
    found = (one.ports for one in seen.pod.containers.values() if one.running and one.ports)
    return next(found, ())


def _in_words(task: Task, statuses: Sequence[ContainerStatus]) -> str:
    inits = [one for one in statuses if one.init]
    ended = sum(is_done(task.spec, one) for one in inits)
    if ended < len(inits):
        now = inits[ended]
        words = now.message or ("waits" if now.state == CONTAINER_STATE_WAITING else "runs")
        return f"init {ended}/{len(inits)}: {now.name}: {words}"
    told = [
        one.message if one.name in one.message else f"{one.name}: {one.message}"
        for one in statuses
        if one.message and not one.init and (one.exit_code or not is_done(task.spec, one))
    ]
    return "; ".join(told)


def _set_containers(status: TaskStatus, statuses: Sequence[ContainerStatus]) -> None:
    kept = [ContainerStatus.FromString(one.SerializeToString()) for one in statuses]
    del status.containers[:]
    status.containers.extend(kept)
    main = next((one for one in kept if not one.init), None)
    if main is not None and main.container_id and main.name != SANDBOX:
        status.container_id = main.container_id
