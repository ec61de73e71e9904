"""The agent's next step: from a task as assigned and what its runtime says to what to do now.

    ASSIGNED ─ ACCEPTED ─ PREPARING ─ READY ─ STARTING ─ RUNNING ─ COMPLETE, FAILED
                    │          └ REJECTED ┘         │        │
                    └────── asked to stop ──────────┴────────┴──── SHUTDOWN

Nothing is remembered here but the status written down last, so an agent that restarts goes on
wherever it was: whatever the container does by now is found by looking at it.
"""

from __future__ import annotations

from swarmpy.core.container import Container, Exit
from swarmpy.core.exit_words import how_it_ended
from swarmpy.core.pod import is_pod
from swarmpy.core.pod_step import next_pod_step
from swarmpy.core.step import (
    ASKED_OF_THE_ENGINE,
    AwaitExit,
    Nothing,
    Prepare,
    Remove,
    Report,
    Seen,
    Start,
    Step,
    Stop,
    Wait,
    drained_ms,
    grace_of,
    wanted_stopped,
)
from swarmpy.pb.objects_pb2 import Task, TaskStatus
from swarmpy.pb.types_pb2 import (
    TASK_STATE_ACCEPTED,
    TASK_STATE_COMPLETE,
    TASK_STATE_FAILED,
    TASK_STATE_PREPARING,
    TASK_STATE_READY,
    TASK_STATE_REJECTED,
    TASK_STATE_REMOVE,
    TASK_STATE_RUNNING,
    TASK_STATE_SHUTDOWN,
    TASK_STATE_STARTING,
    TaskState,
)

# --- decisions


def next_step(task: Task, seen: Seen, now_ms: int) -> Step:
    """Return what to do for `task` now. Its reports only ever grow in state."""
    decide = next_pod_step if is_pod(task.spec) else _step
    step = decide(task, seen, now_ms)
    if now_ms < seen.retry_at_ms and isinstance(step, ASKED_OF_THE_ENGINE):
        return Wait(seen.retry_at_ms)
    return step


def _step(task: Task, seen: Seen, now_ms: int) -> Step:
    state = seen.status.state
    if state < TASK_STATE_ACCEPTED:
        return _report(seen, TASK_STATE_ACCEPTED, now_ms)
    if seen.out_of_reach:
        return Wait(seen.retry_at_ms)
    if state > TASK_STATE_RUNNING:
        return _after_its_end(task, seen)
    if wanted_stopped(task):
        return _toward_its_end(task, seen, now_ms)
    return _toward_running(task, seen, now_ms)


def _toward_running(task: Task, seen: Seen, now_ms: int) -> Step:
    if seen.refused:
        was_started = seen.status.state >= TASK_STATE_STARTING
        ending = TASK_STATE_FAILED if was_started else TASK_STATE_REJECTED
        return _report(seen, ending, now_ms, error=seen.refused)
    if seen.container is None:
        return _without_container(seen, now_ms)
    if seen.container.running:
        return _while_running(task, seen, seen.container, now_ms)
    if seen.container.exit is not None:
        return _once_exited(seen, seen.container.exit, now_ms)
    return _before_start(task, seen, now_ms)


def _without_container(seen: Seen, now_ms: int) -> Step:
    state = seen.status.state
    if state >= TASK_STATE_STARTING:
        return _report(seen, TASK_STATE_FAILED, now_ms, error="its container is gone")
    if state < TASK_STATE_PREPARING:
        return _report(seen, TASK_STATE_PREPARING, now_ms)
    return Prepare() if seen.needs_met else Nothing()


def _before_start(task: Task, seen: Seen, now_ms: int) -> Step:
    state = seen.status.state
    if state >= TASK_STATE_STARTING:
        return _report(seen, TASK_STATE_FAILED, now_ms, error="its container is gone")
    if state < TASK_STATE_READY:
        return _report(seen, TASK_STATE_READY, now_ms)
    if task.desired_state < TASK_STATE_RUNNING:
        return Nothing()
    if now_ms < task.start_after_ms:
        return Wait(task.start_after_ms)
    return Start()


def _while_running(task: Task, seen: Seen, container: Container, now_ms: int) -> Step:
    state = seen.status.state
    if container.unhealthy:
        return Stop(_grace_s(task), because="health check failed")
    if seen.failed:
        return Stop(_grace_s(task), because=seen.failed)
    if state < TASK_STATE_RUNNING and container.healthy is False:
        if state < TASK_STATE_STARTING:
            return _report(seen, TASK_STATE_STARTING, now_ms)
        return AwaitExit()
    if state < TASK_STATE_RUNNING or tuple(seen.status.ports) != container.ports:
        return _report(seen, TASK_STATE_RUNNING, now_ms)
    return AwaitExit()


def _once_exited(seen: Seen, ended: Exit, now_ms: int) -> Step:
    why = seen.failed
    if seen.container is not None and seen.container.unhealthy:
        why = why or "health check failed"
    if why or ended.code or ended.oom_killed or ended.error:
        return _report(seen, TASK_STATE_FAILED, now_ms, error=why or how_it_ended(ended))
    return _report(seen, TASK_STATE_COMPLETE, now_ms)


def _toward_its_end(task: Task, seen: Seen, now_ms: int) -> Step:
    """Every node leaves it out of its routes first; only then is it told to stop."""
    if seen.container is None or not seen.container.running:
        return _report(seen, TASK_STATE_SHUTDOWN, now_ms)
    until_ms = drained_ms(task, seen, now_ms)
    if now_ms < until_ms:
        return Wait(until_ms)
    return Stop(_grace_s(task))


def _after_its_end(task: Task, seen: Seen) -> Step:
    """Its container stays for its logs, until managers want it removed."""
    if seen.container is None:
        return Nothing()
    if seen.container.running:
        return Stop(_grace_s(task))
    return Remove() if task.desired_state == TASK_STATE_REMOVE else Nothing()


# --- statuses


def _report(seen: Seen, state: TaskState.ValueType, now_ms: int, *, error: str = "") -> Report:
    assert seen.status.state <= state, "states only grow"
    before, container = seen.status, seen.container
    status = TaskStatus(
        state=state,
        since_ms=now_ms if before.state != state else before.since_ms,
        error=error,
        container_id=before.container_id,
        ports=before.ports,
        started_at_ms=before.started_at_ms,
        image_digests=before.image_digests,
    )
    if container is not None:
        status.container_id = container.container_id
        status.image_digests.update(container.image_digests)
        if container.running:
            del status.ports[:]
            status.ports.extend(container.ports)
        if container.exit is not None:
            status.exited = True
            status.exit_code = container.exit.code
            status.message = how_it_ended(container.exit)
    if state == TASK_STATE_RUNNING and not status.started_at_ms:
        status.started_at_ms = now_ms
    return Report(status)


def _grace_s(task: Task) -> float:
    return grace_of(task.spec.containers[0])
