"""What a runtime says of one container of a task."""

from __future__ import annotations

from dataclasses import dataclass

from swarmpy.pb.types_pb2 import PortBinding


@dataclass(frozen=True, slots=True)
class Exit:
    """How a task's container ended."""

    code: int
    """0-255; 128 + the signal's number when a signal ended it."""
    oom_killed: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a task, as the runtime sees it."""

    task_id: str
    container_id: str
    running: bool
    exit: Exit | None = None
    """Set once it has run and ended; None while it was never started or is running."""
    healthy: bool | None = None
    """None without a health check; else whether the last checks passed. Starting is False."""
    unhealthy: bool = False
    """The health check has failed as often as the spec allows."""
    ports: tuple[PortBinding, ...] = ()
    """Of the task; in a pod only one container tells them."""
    name: str = ""
    """Which of a pod's it is; core.pod.SANDBOX names what holds them together."""
    run_id: str = ""
    """Another one each time that it is started; "" before that."""
    address: str = ""
    """Its own, where it answers on its own ports; "": only where its ports are bound."""
    image_digests: tuple[tuple[str, str], ...] = ()
    """(image as the spec names it, digest), where a registry gave it one."""
