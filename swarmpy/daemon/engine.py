"""Chooses what runs a node's containers."""

from __future__ import annotations

from swarmpy.daemon.settings import Settings
from swarmpy.runtime.detect import engine_version
from swarmpy.runtime.docker import DockerRuntime
from swarmpy.runtime.process import ProcessRuntime
from swarmpy.seams import Clock


def check_engine(settings: Settings) -> None:
    """Raise EngineUnavailable when this node is to use a Docker Engine and none answers."""
    if settings.runtime != "process":
        engine_version(settings.docker_host)


def make_runtime(settings: Settings, node_id: str, clock: Clock) -> DockerRuntime | ProcessRuntime:
    """Return the runtime that the settings ask for; a Docker Engine may come up later."""
    directory = settings.state_dir / "runtime"
    address = settings.advertise_address
    if settings.runtime == "process":
        return ProcessRuntime(node_id, address, directory, clock)
    return DockerRuntime(node_id, address, settings.docker_host, directory, clock)
