"""Hosts and their images, made once for all tests here."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import hosts as test_hosts
from tests.e2e.hosts import Host
from tests.e2e.loopback import LoopbackSwarm, loopback_swarm

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(scope="session")
def image_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples' images, as `docker save` writes them."""
    engine = os.environ.get("SWARMPY_TEST_DOCKER_HOST")
    if not engine:
        pytest.skip("no Docker Engine for tests: run scripts/test as root")
    path = tmp_path_factory.mktemp("images") / "images.tar"
    subprocess.run(
        [str(SCRIPTS / "demo-image"), str(path)],
        check=True,
        env={**os.environ, "DOCKER_HOST": engine},
    )
    return path


@pytest.fixture(scope="module")
def hosts(image_file: Path) -> Iterator[list[Host]]:
    """Five hosts with a Docker Engine each."""
    if os.geteuid() != 0 or not shutil.which("ip"):
        pytest.skip("test hosts need root and iproute2: run scripts/test as root")
    try:
        yield test_hosts.up(5, [str(image_file)])
    finally:
        test_hosts.down()


@pytest.fixture
def swarm() -> Iterator[LoopbackSwarm]:
    """No node yet; the test makes them, on loopback addresses, without an engine."""
    with loopback_swarm() as one:
        yield one
