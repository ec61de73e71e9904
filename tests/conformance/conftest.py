"""The engine that runtime tests use, and runtimes on it that leave nothing behind."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import uuid4

import pytest

from swarmpy.daemon.clock import SystemClock
from swarmpy.runtime.docker import DockerRuntime

MakeRuntime = Callable[[str], DockerRuntime]
IMAGE = "swarmpy/hello:1"


@pytest.fixture(scope="session")
def docker_host() -> str:
    url = os.environ.get("SWARMPY_TEST_DOCKER_HOST", "")
    if not url:
        pytest.skip(
            "SWARMPY_TEST_DOCKER_HOST is not set: scripts/test starts an engine and sets it"
        )
    return url


@pytest.fixture
def node_id() -> str:
    return f"n{uuid4().hex[:12]}"


@pytest.fixture
async def docker_runtime(docker_host: str, tmp_path: Path) -> AsyncIterator[MakeRuntime]:
    """Return a maker of runtimes by node id."""
    made: list[DockerRuntime] = []
    node_ids: list[str] = []

    def make(node_id: str) -> DockerRuntime:
        directory = tmp_path / node_id
        runtime = DockerRuntime(node_id, "127.0.0.1", docker_host, directory, SystemClock())
        made.append(runtime)
        node_ids.append(node_id)
        return runtime

    yield make
    for runtime in made:
        await runtime.close()
    for sweeper in map(make, dict.fromkeys(node_ids)):
        await sweeper.remove_all()
        await sweeper.close()
