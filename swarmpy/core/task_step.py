"""The agent's next step: from a task as assigned and what its runtime says to what to do now.

    ASSIGNED ─ ACCEPTED ─ PREPARING ─ READY ─ STARTING ─ RUNNING ─ COMPLETE, FAILED
                    │          └ REJECTED ┘         │        │
                    └────── asked to stop ──────────┴────────┴──── SHUTDOWN

Nothing is remembered here but the status written down last, so an agent that restarts goes on
wherever it was: whatever the container does by now is found by looking at it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from swarmpy.core.container import Container, Exit
from swarmpy.core.exit_words import how_it_ended
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

DEFAULT_GRACE_S = 10.0
DEFAULT_DRAIN_S = 1.0
RETRY_MIN_S = 0.5
RETRY_MAX_S = 30.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What one node knows of one of its tasks, beside what managers say."""

    status: TaskStatus
    """As written down last."""
    container: Container | None = None
    """None when there is none."""
    out_of_reach: bool = False
    """The engine did not answer, so `container` says nothing."""
    retry_at_ms: int = 0
    """The engine failed: it is not asked for anything before this."""
    needs_met: bool = True
    """The configs, secrets and networks that the task refers to are here."""
    refused: str = ""
    """Why the runtime will not run it, however often it is asked."""
    failed: str = ""
    """Why this node itself stops it."""
    stop_since_ms: int | None = None
    """Since when this node knows that managers want it stopped."""


# --- steps


@dataclass(frozen=True, slots=True)
class Prepare:
    """Fetch the image and make the container."""


@dataclass(frozen=True, slots=True)
class Start:
    """Start the container that was made."""


@dataclass(frozen=True, slots=True)
class AwaitExit:
    """It runs: look again when it ends or its health changes."""


@dataclass(frozen=True, slots=True)
class Stop:
    """End it: its stop signal, the grace, then by force."""

    grace_s: float
    because: str = ""
    """Set when it is this node that gives it up."""


@dataclass(frozen=True, slots=True)
class Remove:
    """Forget the container."""


@dataclass(frozen=True, slots=True)
class Report:
    """Write this status down, then tell managers."""

    status: TaskStatus


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again at this time, or earlier when something happens."""

    until_ms: int


@dataclass(frozen=True, slots=True)
class Nothing:
    """Look again when managers want something else."""


Step: TypeAlias = Prepare | Start | AwaitExit | Stop | Remove | Report | Wait | Nothing


# --- decisions


def next_step(task: Task, seen: Seen, now_ms: int) -> Step:
    """Return what to do for `task` now. Its reports only ever grow in state."""
    step = _step(task, seen, now_ms)
    if now_ms < seen.retry_at_ms and isinstance(step, Prepare | Start | Stop | Remove):
        return Wait(seen.retry_at_ms)
    return step


def retry_delay_s(failures: int) -> float:
    """Return how long to leave an engine alone that failed so often in a row."""
    return min(RETRY_MAX_S, RETRY_MIN_S * 2.0 ** min(failures - 1, 10))


def wanted_stopped(task: Task) -> bool:
    """Managers want it to end, whatever it does."""
    return task.desired_state > TASK_STATE_COMPLETE


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
    if seen.status.state == TASK_STATE_RUNNING and task.ports:
        since_ms = now_ms if seen.stop_since_ms is None else seen.stop_since_ms
        drained_ms = since_ms + int((task.drain_s or DEFAULT_DRAIN_S) * 1000)
        if now_ms < drained_ms:
            return Wait(drained_ms)
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
    )
    if container is not None:
        status.container_id = container.container_id
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
    given = [container.stop_grace_s for container in task.spec.containers if container.stop_grace_s]
    return max(given, default=DEFAULT_GRACE_S)
