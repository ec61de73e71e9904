"""A small swarm on this machine whose tasks are containers of the tests' Docker Engine."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from swarmpy import SyncClient
from swarmpy.client.identity import read_identity
from tests.e2e.cluster import SWARMPY, until
from tests.e2e.loopback import Done, LoopbackSwarm, state_directory

ENGINE = os.environ.get("SWARMPY_TEST_DOCKER_HOST", "")
READY_S = 30.0


def require_engine() -> None:
    """Skip the test that asks where there is no engine for tests."""
    if not ENGINE:
        pytest.skip("no Docker Engine for tests: run scripts/test as root")


def swarmpy(*argv: str, environment: Mapping[str, str] | None = None) -> Done:
    """Run the CLI where there need be no swarm, whatever comes of it."""
    inherited = {key: value for key, value in os.environ.items() if key != "SWARMPY_HOST"}
    return subprocess.run(
        [SWARMPY, *argv],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**inherited, "DOCKER_HOST": ENGINE, "NO_COLOR": "1", **(environment or {})},
    )


def docker(*argv: str) -> list[str]:
    """Return the lines that a docker command prints."""
    done = subprocess.run(
        ["docker", "-H", ENGINE, *argv], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.splitlines()


@dataclass(frozen=True, slots=True)
class LocalNode:
    """One node of a swarm, from outside."""

    name: str
    address: str
    state_dir: Path

    @property
    def node_id(self) -> str:
        return read_identity(self.state_dir).node_id

    def containers(self, *, ended: bool = False) -> list[str]:
        """Return the ids of its containers that run, or of those that have ended too."""
        only = ["--filter", f"label=swarmpy.node={self.node_id}"]
        return docker("ps", "-q", *(["-a"] if ended else []), *only)

    def get(self, port: int) -> str:
        """Fetch a page from a published port of this very node; "" when it does not come."""
        url = f"http://{self.address}:{port}/"
        return subprocess.run(
            ["curl", "-sf", "--max-time", "5", url], capture_output=True, text=True, check=False
        ).stdout


class LocalSwarm(LoopbackSwarm):
    """Nodes n1, n2 ...; the first one founded it, and commands speak with it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, runtime="docker")
        self.environment["DOCKER_HOST"] = ENGINE
        self.nodes: list[LocalNode] = []

    def found(self) -> None:
        self.init(1)
        self._note(1)

    def add_worker(self) -> None:
        number = len(self.nodes) + 1
        self.join(number, "worker")
        self._note(number)

    def until_all_ready(self) -> None:
        self.until_ready(1, managers=1, nodes=len(self.nodes))

    def run(
        self, *words: str, stdin: str = "", environment: Mapping[str, str] | None = None
    ) -> Done:
        """Run the CLI, whatever comes of it."""
        return self.swarmpy(1, *words, code=None, stdin=stdin, environment=environment)

    def must(self, *words: str, stdin: str = "") -> str:
        """Run the CLI and return what it printed; it must end well."""
        return self.swarmpy(1, *words, stdin=stdin).stdout

    def rows(self, *words: str) -> Any:
        return self.json(1, *words)

    def tasks(self, service: str) -> list[Any]:
        """Return the tasks of a service that run and are wanted to."""
        return [
            task
            for task in self.rows("service", "ps", service)
            if task["status"]["state"] == task["desired_state"] == "running"
        ]

    def objects(self) -> dict[str, set[str]]:
        """Return the names of all that people can make, by kind; nodes and tokens by their ids."""
        with SyncClient.connect(self.host(1)) as client:
            return {
                "stacks": {row.stack.name for row in client.stacks()},
                "services": {row.spec.name for row in client.services().services},
                "configs": {row.spec.name for row in client.configs()},
                "secrets": {row.spec.name for row in client.secrets()},
                "networks": {row.spec.name for row in client.networks()},
                "nodes": {row.id for row in client.nodes().nodes},
                "tokens": {row.id for row in client.tokens()},
            }

    def _note(self, number: int) -> None:
        self.nodes.append(LocalNode(f"n{number}", self.address(number), self.dir(number)))
        until(lambda: self.run("node", "ls").returncode == 0, READY_S, f"n{number} is let in")


@contextlib.contextmanager
def local_swarm(*, workers: int) -> Iterator[LocalSwarm]:
    """Give a swarm of one manager and `workers`, ready; nothing of it stays."""
    require_engine()
    with state_directory() as root:
        swarm = LocalSwarm(root)
        try:
            swarm.found()
            for _ in range(workers):
                swarm.add_worker()
            swarm.until_all_ready()
            yield swarm
        finally:
            swarm.end()
