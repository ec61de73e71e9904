"""Reads a pod: a task of several containers, or of one that its node looks after in place.

A plain task is its one container: it starts, ends and is replaced with it. In a pod, containers
share a sandbox (network, IPC) that outlives each of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from swarmpy.pb.specs_pb2 import (
    CONTAINER_RESTART_ALWAYS,
    CONTAINER_RESTART_NEVER,
    CONTAINER_RESTART_ON_FAILURE,
    ContainerSpec,
    TaskSpec,
)
from swarmpy.pb.types_pb2 import MOUNT_TYPE_EPHEMERAL, ContainerStatus

SANDBOX = ":sandbox"
"""What a runtime calls the container that holds a pod's namespaces; no container has this name."""
CARED_FOR = ("startup_probe", "readiness_probe", "liveness_probe", "post_start", "pre_stop")
BACK_OFF_MIN_S = 10.0
BACK_OFF_MAX_S = 300.0
CRASHES_ALLOWED = 3
"""So many in a row, and whoever waits for a pod to be ready need not wait any longer."""
GOOD_RUN_S = 600.0
"""A run that lasts so long ends the row of failures."""


def is_pod(spec: TaskSpec) -> bool:
    """Say whether a task needs more than to be its one container."""
    return (
        len(spec.containers) != 1
        or bool(spec.init_containers)
        or bool(spec.container_restart)
        or any(map(_is_cared_for, spec.containers))
    )


def _is_cared_for(container: ContainerSpec) -> bool:
    shares = any(mount.type == MOUNT_TYPE_EPHEMERAL for mount in container.mounts)
    return shares or any(container.HasField(field) for field in CARED_FOR)  # type: ignore[arg-type]


def all_containers(spec: TaskSpec) -> Iterator[ContainerSpec]:
    """Yield every container of a task, those that come first, first."""
    yield from spec.init_containers
    yield from spec.containers


def container_key(spec: TaskSpec, name: str) -> str | None:
    """Return what a runtime calls the container that people call `name`: "" in a plain task.

    Without a name it is the first. None: the task has no such container.
    """
    if not name:
        return spec.containers[0].name if is_pod(spec) else ""
    if all(name != container.name for container in all_containers(spec)):
        return None
    return name if is_pod(spec) else ""


def back_off_s(failures: int) -> float:
    """Return how long to wait before the next restart; the first comes at once.

    Source: kubelet, which waits 10 s before the second and doubles to 300 s.
    """
    if not failures:
        return 0.0
    return min(BACK_OFF_MAX_S, BACK_OFF_MIN_S * 2.0 ** min(failures - 1, 10))


def is_restarted(spec: TaskSpec, status: ContainerStatus) -> bool:
    """Say whether a container that has ended as `status` says is restarted in place.

    One that its node killed, for want of life, is so unless the task says never.
    """
    failed = bool(status.exit_code or status.killed_because)
    if status.init and not failed:
        return False
    match spec.container_restart:
        case policy if policy == CONTAINER_RESTART_ALWAYS:
            return True
        case policy if policy == CONTAINER_RESTART_ON_FAILURE:
            return failed
        case policy if policy == CONTAINER_RESTART_NEVER:
            return False
        case _:
            return bool(status.killed_because)


def crash_loop(statuses: Iterable[ContainerStatus]) -> str:
    """Return what a container says that has crashed again and again and now waits; or ""."""
    looping = (one for one in statuses if one.failures >= CRASHES_ALLOWED and one.back_off_until_ms)
    return next((one.message for one in looping), "")


def restarts_of(statuses: Iterable[ContainerStatus]) -> int:
    """Return how often containers of a pod were restarted in place."""
    return sum(status.restarts for status in statuses)
