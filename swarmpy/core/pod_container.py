"""Tells how one container of a pod is: from what was written down last, and what is seen now.

    WAITING ── start ── RUNNING ── ends ── ENDED, done or failed
       └──────── back-off is over ───────────┘ or to be restarted in place

A restart is counted before it is made: an agent that dies between the two makes it, once, when it
is back. Each run has an id, so the end of one is never taken for that of the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from swarmpy.core.container import Container, Exit
from swarmpy.core.exit_words import how_it_ended
from swarmpy.core.pod import BACK_OFF_MAX_S, GOOD_RUN_S, back_off_s, is_restarted
from swarmpy.core.probe import Kind, ProbeKey, ProbeState, probe_of
from swarmpy.pb.specs_pb2 import ContainerSpec, TaskSpec
from swarmpy.pb.types_pb2 import (
    CONTAINER_STATE_ENDED,
    CONTAINER_STATE_RUNNING,
    CONTAINER_STATE_WAITING,
    ContainerStatus,
)


@dataclass(frozen=True, slots=True)
class HookResult:
    """What came of a post-start hook."""

    run_id: str
    failed: str = ""
    """Why, if it has."""


@dataclass(frozen=True, slots=True)
class PodSight:
    """What a node knows of the inside of one pod, beside what is written down."""

    containers: Mapping[str, Container] = field(default_factory=dict)
    """By name; the sandbox is one of them where the engine needs one."""
    busy: frozenset[str] = frozenset()
    """Containers, and "NAME/KIND" of probes, with something under way."""
    probes: Mapping[ProbeKey, ProbeState] = field(default_factory=dict)
    hooks: Mapping[str, HookResult] = field(default_factory=dict)

    def probe(self, name: str, kind: Kind, run_id: str) -> ProbeState:
        """Return what a probe has found in this run."""
        state = self.probes.get((name, kind))
        return state if state is not None and state.run_id == run_id else ProbeState(run_id)


def status_now(
    task: TaskSpec, spec: ContainerSpec, before: ContainerStatus, sight: PodSight, now_ms: int
) -> ContainerStatus:
    """Return what is true of one container now, while its task is wanted."""
    status = ContainerStatus()
    status.CopyFrom(before)
    container = sight.containers.get(spec.name)
    if container is None:
        return status
    status.container_id = container.container_id
    if container.running:
        _while_it_runs(status, spec, container, sight, now_ms)
    elif container.exit is not None and _is_news(before, container):
        _at_its_end(status, task, container, container.exit, now_ms)
    return status


def is_done(task: TaskSpec, status: ContainerStatus) -> bool:
    """It has ended, and is not restarted."""
    return status.state == CONTAINER_STATE_ENDED and not is_restarted(task, status)


def has_failed(task: TaskSpec, status: ContainerStatus) -> bool:
    """It has ended badly, and is not restarted."""
    return is_done(task, status) and bool(status.exit_code or status.killed_because)


def _is_news(before: ContainerStatus, container: Container) -> bool:
    """Say whether this end was not dealt with yet."""
    return before.run_id != container.run_id or before.state == CONTAINER_STATE_RUNNING


def _while_it_runs(
    status: ContainerStatus,
    spec: ContainerSpec,
    container: Container,
    sight: PodSight,
    now_ms: int,
) -> None:
    if status.run_id != container.run_id:
        status.run_id = container.run_id
        status.started_at_ms = now_ms
        status.started = status.ready = status.post_started = False
        status.killed_because = ""
    status.state = CONTAINER_STATE_RUNNING
    status.back_off_until_ms = 0
    hook = sight.hooks.get(spec.name)
    if hook is not None and hook.run_id == container.run_id:
        status.post_started = not hook.failed
    startup, readiness, liveness = (sight.probe(spec.name, kind, container.run_id) for kind in Kind)
    has_hook = spec.HasField("post_start")
    if not status.started:
        status.started = (
            (status.post_started or not has_hook)
            and container.healthy is not False
            and (probe_of(spec, Kind.STARTUP) is None or startup.verdict is True)
        )
    passes = readiness.verdict
    if probe_of(spec, Kind.READINESS) is None:
        passes = True
    elif passes is None:
        passes = status.ready
    status.ready = status.started and passes and container.healthy is not False
    status.killed_because = status.killed_because or _why_it_must_end(
        container, hook, startup, liveness
    )
    status.message = status.killed_because or _what_it_suffers_from(status, container, readiness)


def _why_it_must_end(
    container: Container, hook: HookResult | None, startup: ProbeState, liveness: ProbeState
) -> str:
    if hook is not None and hook.run_id == container.run_id and hook.failed:
        return f"its post-start hook failed: {hook.failed}"
    for name, state in ((Kind.STARTUP, startup), (Kind.LIVENESS, liveness)):
        if state.verdict is False:
            return f"its {name} probe failed: {state.why}"
    return "its health check failed" if container.unhealthy else ""


def _what_it_suffers_from(
    status: ContainerStatus, container: Container, readiness: ProbeState
) -> str:
    if readiness.verdict is False:
        return f"its readiness probe failed: {readiness.why}"
    if not status.started:
        return "it is starting"
    if container.healthy is False:
        return "its health check fails"
    return "" if status.ready else "its readiness probe has not passed yet"


def _at_its_end(
    status: ContainerStatus, task: TaskSpec, container: Container, ended: Exit, now_ms: int
) -> None:
    ran_ms = now_ms - status.started_at_ms if status.run_id == container.run_id else 0
    if status.run_id != container.run_id:
        status.killed_because = ""
    status.run_id = container.run_id
    status.state = CONTAINER_STATE_ENDED
    status.started = status.ready = False
    status.exited, status.exit_code = True, _code(ended)
    status.message = status.killed_because or how_it_ended(ended)
    status.back_off_until_ms = 0
    if ran_ms >= GOOD_RUN_S * 1000:
        status.failures = 0
    if not is_restarted(task, status):
        return
    delay_s = back_off_s(status.failures)
    status.failures += 1
    status.back_off_until_ms = now_ms + round(delay_s * 1000)
    if delay_s:
        status.message = (
            f"CrashLoopBackOff: back-off {delay_s:g} s restarting {status.name}, "
            + _last(status, ended)
        )


def _last(status: ContainerStatus, ended: Exit) -> str:
    if status.killed_because:
        return f"because {status.killed_because}"
    words = how_it_ended(ended)
    how = words.removeprefix("it ended ")
    return f"because {words}" if how == words else f"last ended {how}"


def _code(ended: Exit) -> int:
    """Return the exit code; what ended with an error has none that says so."""
    return ended.code or (1 if ended.oom_killed or ended.error else 0)


def count_restart(status: ContainerStatus) -> ContainerStatus:
    """Return the status to write down before a container is restarted."""
    counted = ContainerStatus()
    counted.CopyFrom(status)
    counted.state = CONTAINER_STATE_WAITING
    counted.restarts += 1
    counted.back_off_until_ms = 0
    return counted


def is_restart_due(task: TaskSpec, status: ContainerStatus, now_ms: int) -> bool:
    """It has ended, is to be restarted in place, and its back-off is over."""
    ended = status.state == CONTAINER_STATE_ENDED and is_restarted(task, status)
    return ended and now_ms >= until_ms(status, now_ms)


def until_ms(status: ContainerStatus, now_ms: int) -> int:
    """Return when a back-off is over: now, when managers' time was set back so far meanwhile that
    it cannot be right.
    """
    is_plausible = status.back_off_until_ms <= now_ms + round(BACK_OFF_MAX_S * 1000)
    return status.back_off_until_ms if is_plausible else now_ms
