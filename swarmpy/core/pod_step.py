"""The agent's next step inside a pod: which container comes next, is restarted, asked or ended.

The task's own states are those of task_step. What its containers are doing is told beside them in
`TaskStatus.containers`: containers come and go there while the task stays RUNNING.

init containers, one by one ── all containers ── started: RUNNING ── COMPLETE, FAILED
"""

from __future__ import annotations

from collections.abc import Iterator

from swarmpy.core import pod_status as say
from swarmpy.core.container import Container
from swarmpy.core.pod import SANDBOX, all_containers
from swarmpy.core.pod_container import (
    count_restart,
    has_failed,
    is_done,
    is_restart_due,
    until_ms,
)
from swarmpy.core.probe import Kind, probe_of
from swarmpy.core.step import (
    POST_START,
    AskProbe,
    AwaitExit,
    Nothing,
    PostStart,
    Prepare,
    Remove,
    Report,
    Restart,
    Seen,
    Start,
    Step,
    Stop,
    Wait,
    drained_ms,
    grace_of,
    wanted_stopped,
)
from swarmpy.pb.objects_pb2 import Task
from swarmpy.pb.specs_pb2 import CONTAINER_RESTART_UNSPECIFIED, ContainerSpec
from swarmpy.pb.types_pb2 import (
    CONTAINER_STATE_RUNNING,
    CONTAINER_STATE_WAITING,
    TASK_STATE_ACCEPTED,
    TASK_STATE_FAILED,
    TASK_STATE_PREPARING,
    TASK_STATE_READY,
    TASK_STATE_REJECTED,
    TASK_STATE_REMOVE,
    TASK_STATE_RUNNING,
    TASK_STATE_SHUTDOWN,
    TASK_STATE_STARTING,
    ContainerStatus,
)


def next_pod_step(task: Task, seen: Seen, now_ms: int) -> Step:
    """Return what to do for a pod now. Its reports only ever grow in state."""
    state = seen.status.state
    if state < TASK_STATE_ACCEPTED:
        return say.report(task, seen, TASK_STATE_ACCEPTED, now_ms)
    if seen.out_of_reach:
        return Wait(seen.retry_at_ms)
    if state > TASK_STATE_RUNNING:
        return _after_its_end(task, seen)
    if wanted_stopped(task):
        return _toward_its_end(task, seen, now_ms)
    return _toward_running(task, seen, now_ms)


# --- until it is up


def _toward_running(task: Task, seen: Seen, now_ms: int) -> Step:
    was_started = seen.status.state >= TASK_STATE_STARTING
    if seen.refused:
        ending = TASK_STATE_FAILED if was_started else TASK_STATE_REJECTED
        return say.report(task, seen, ending, now_ms, error=seen.refused)
    if was_started:
        lost = _what_is_lost(task, seen)
        if lost:
            return say.report(task, seen, TASK_STATE_FAILED, now_ms, error=lost)
        return _while_wanted(task, seen, now_ms)
    return _before_its_start(task, seen, now_ms) or _while_wanted(task, seen, now_ms)


def _before_its_start(task: Task, seen: Seen, now_ms: int) -> Step | None:
    """Return what comes before any container is started; None when they may be."""
    state = seen.status.state
    if any(spec.name not in seen.pod.containers for spec in all_containers(task.spec)):
        if state < TASK_STATE_PREPARING:
            return say.report(task, seen, TASK_STATE_PREPARING, now_ms)
        return Prepare() if seen.needs_met else Nothing()
    if state < TASK_STATE_READY:
        return say.report(task, seen, TASK_STATE_READY, now_ms)
    if task.desired_state < TASK_STATE_RUNNING:
        return Nothing()
    return Wait(task.start_after_ms) if now_ms < task.start_after_ms else None


def _what_is_lost(task: Task, seen: Seen) -> str:
    """Return what is missing of a pod that was started, in words."""
    containers = seen.pod.containers
    for spec in all_containers(task.spec):
        if spec.name not in containers:
            return f"its container {spec.name} is gone"
    sandbox = containers.get(SANDBOX)
    # One that does not run yet was looked at just before what was started in it.
    has_ended = sandbox is not None and sandbox.exit is not None
    return "its sandbox has ended" if has_ended else ""


def _while_wanted(task: Task, seen: Seen, now_ms: int) -> Step:
    """Write down what is true, then do what is due, then wait for what will be."""
    statuses = say.statuses_now(task, seen, now_ms)
    ending = _outcome(task, statuses)
    if ending is not None:
        return say.report_end(seen, ending, statuses, now_ms)
    now_true = say.status_of(task, seen, statuses, now_ms)
    if now_true != seen.status:
        return Report(now_true)
    due: list[int] = []
    for spec, status in zip(all_containers(task.spec), statuses, strict=True):
        if status.init and is_done(task.spec, status):
            continue
        if spec.name not in seen.pod.busy:
            step = _of_container(task, seen, spec, status, now_ms, due)
            if step is not None:
                return step
        if status.init:
            break  # one by one, and before all others
    return Wait(min(due)) if due else AwaitExit()


def _of_container(
    task: Task, seen: Seen, spec: ContainerSpec, status: ContainerStatus, now_ms: int,
    due: list[int],
) -> Step | None:  # fmt: skip
    """Return what is due for one container; note in `due` when something will be."""
    if status.state == CONTAINER_STATE_WAITING:
        return Restart(spec.name) if status.run_id else Start(spec.name)
    if status.state == CONTAINER_STATE_RUNNING:
        return _while_it_runs(seen, spec, status, now_ms, due)
    if is_restart_due(task.spec, status, now_ms):
        return say.report_one(task, seen, count_restart(status), now_ms)
    if status.back_off_until_ms:
        due.append(until_ms(status, now_ms))
    return None


def _while_it_runs(
    seen: Seen, spec: ContainerSpec, status: ContainerStatus, now_ms: int, due: list[int]
) -> Step | None:
    if status.killed_because:
        return Stop(_kill_grace_s(spec, seen, status), container=spec.name)
    if spec.HasField("post_start") and not status.post_started:
        if f"{spec.name}/{POST_START}" in seen.pod.busy:
            return None
        return PostStart(spec.name, status.run_id)
    return _probe(seen, spec, status, now_ms, due)


def _probe(
    seen: Seen, spec: ContainerSpec, status: ContainerStatus, now_ms: int, due: list[int]
) -> Step | None:
    """The start-up probe is asked until it has passed; then the other two, for good."""
    kinds = (Kind.READINESS, Kind.LIVENESS) if status.started else (Kind.STARTUP,)
    for kind in kinds:
        probe = probe_of(spec, kind)
        if probe is None or f"{spec.name}/{kind}" in seen.pod.busy:
            continue
        state = seen.pod.probe(spec.name, kind, status.run_id)
        at_ms = state.due_ms(probe, status.started_at_ms, now_ms)
        if at_ms <= now_ms:
            return AskProbe(spec.name, kind, status.run_id)
        due.append(at_ms)
    return None


def _kill_grace_s(spec: ContainerSpec, seen: Seen, status: ContainerStatus) -> float:
    """Return how long a container has to end; the probe that failed may say so."""
    for kind in (Kind.STARTUP, Kind.LIVENESS):
        probe = probe_of(spec, kind)
        failed = seen.pod.probe(spec.name, kind, status.run_id).verdict is False
        if probe is not None and failed and probe.grace_s:
            return probe.grace_s
    return grace_of(spec)


# --- its end


def _outcome(task: Task, statuses: list[ContainerStatus]) -> ContainerStatus | None:
    """Return the container whose end is the task's; None while the task goes on."""
    inits = [status for status in statuses if status.init]
    mains = [status for status in statuses if not status.init]
    bad = next((one for one in inits if has_failed(task.spec, one)), None)
    if bad is not None:
        return bad
    ended = [one for one in mains if is_done(task.spec, one)]
    ends_alone = task.spec.container_restart == CONTAINER_RESTART_UNSPECIFIED
    if not ended or (not ends_alone and len(ended) < len(mains)):
        return None
    return next((one for one in ended if has_failed(task.spec, one)), ended[0])


def _toward_its_end(task: Task, seen: Seen, now_ms: int) -> Step:
    """Every node leaves it out of its routes first; then its containers end, all at once."""
    running = list(_running(seen))
    if not running:
        return say.report(task, seen, TASK_STATE_SHUTDOWN, now_ms)
    drained_at_ms = drained_ms(task, seen, now_ms)
    if now_ms < drained_at_ms:
        return Wait(drained_at_ms)
    return _stop_next(task, seen, running)


def _after_its_end(task: Task, seen: Seen) -> Step:
    """Its containers stay for their logs, until managers want it removed."""
    running = list(_running(seen))
    if running:
        return _stop_next(task, seen, running)
    sandbox = seen.pod.containers.get(SANDBOX)
    if sandbox is not None and sandbox.running:
        return AwaitExit() if SANDBOX in seen.pod.busy else Stop(0.0, container=SANDBOX)
    if not seen.pod.containers:
        return Nothing()
    final = say.at_its_end(task, seen)
    if final != seen.status and final.state <= TASK_STATE_REJECTED:
        return Report(final)
    return Remove() if task.desired_state == TASK_STATE_REMOVE else Nothing()


def _stop_next(task: Task, seen: Seen, running: list[Container]) -> Step:
    graces = {spec.name: grace_of(spec) for spec in all_containers(task.spec)}
    for container in running:
        if container.name not in seen.pod.busy:
            return Stop(graces.get(container.name, 0.0), container=container.name)
    return AwaitExit()


def _running(seen: Seen) -> Iterator[Container]:
    for name, container in seen.pod.containers.items():
        if container.running and name != SANDBOX:
            yield container
