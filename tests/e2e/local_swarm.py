"""A small swarm on this machine, driven by the command line as people drive it.

Every node is a child process that listens on a loopback address of its own, so that several nodes
can answer on the same published port. They share the tests' Docker Engine.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from swarmpy import SyncClient
from swarmpy.client.identity import read_identity
from tests.e2e.cluster import SWARMPY, until

ENGINE = os.environ.get("SWARMPY_TEST_DOCKER_HOST", "")
READY_S = 30.0
STOP_S = 20.0

Done = subprocess.CompletedProcess[str]


def require_engine() -> None:
    """Skip the test that asks where there is no engine for tests."""
    if not ENGINE:
        pytest.skip("no Docker Engine for tests: run scripts/test as root")


def swarmpy(
    *argv: str,
    timeout_s: float = 60,
    environment: Mapping[str, str] | None = None,
    stdin: str = "",
) -> Done:
    """Run the CLI, whatever comes of it."""
    inherited = {key: value for key, value in os.environ.items() if key != "SWARMPY_HOST"}
    return subprocess.run(
        [SWARMPY, *argv],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout_s,
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
    """One node: its name, where it listens, where it keeps its state, and its process."""

    name: str
    address: str
    state_dir: Path
    process: subprocess.Popen[bytes]

    @property
    def host(self) -> str:
        """What SWARMPY_HOST is to be for it to answer."""
        return f"unix://{self.state_dir}/swarmpy.sock"

    @property
    def node_id(self) -> str:
        return read_identity(self.state_dir).node_id

    def log_tail(self) -> str:
        lines = log_of(self.state_dir).read_text(errors="replace").splitlines()
        return f"--- {self.name}\n" + "\n".join(lines[-20:])

    def containers(self, *, ended: bool = False, task: str = "") -> list[str]:
        """Return the ids of its containers that run, or of those that have ended too."""
        label = f"label=swarmpy.node={self.node_id}"
        only = ["--filter", f"label=swarmpy.task={task}"] if task else []
        return docker("ps", "-q", *(["-a"] if ended else []), "--filter", label, *only)

    def get(self, port: int) -> str:
        """Fetch a page from a published port of this very node; "" when it does not come."""
        url = f"http://{self.address}:{port}/"
        return subprocess.run(
            ["curl", "-sf", "--max-time", "5", url], capture_output=True, text=True, check=False
        ).stdout


def log_of(state_dir: Path) -> Path:
    return state_dir.with_suffix(".log")


class LocalSwarm:
    """Nodes NETWORK.1, NETWORK.2 ... with their state below `root`; the first one founded it."""

    def __init__(self, root: Path, network: str) -> None:
        self.root = root
        self._network = network
        self.nodes: list[LocalNode] = []

    def swarmpy(
        self,
        *argv: str,
        node: int = 0,
        timeout_s: float = 60,
        environment: Mapping[str, str] | None = None,
        stdin: str = "",
    ) -> Done:
        """Run the CLI against a node, whatever comes of it."""
        where = {"SWARMPY_HOST": self.nodes[node].host, **(environment or {})}
        return swarmpy(*argv, timeout_s=timeout_s, environment=where, stdin=stdin)

    def must(self, *argv: str, timeout_s: float = 60, stdin: str = "") -> str:
        """Run the CLI against the first node and return what it printed; it must end well."""
        done = self.swarmpy(*argv, timeout_s=timeout_s, stdin=stdin)
        logs = "\n".join(node.log_tail() for node in self.nodes) if done.returncode else ""
        assert not done.returncode, f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}{logs}"
        return done.stdout

    def json(self, *argv: str) -> Any:
        return json.loads(self.must(*argv, "--format", "json"))

    # Ways to make it

    def init(self, state_dir: Path | None = None) -> LocalNode:
        node = self._start("init", state_dir=state_dir)
        until(lambda: self.swarmpy("node", "ls").returncode == 0, READY_S, "the swarm is founded")
        return node

    def join(self, role: str = "worker") -> LocalNode:
        token = self.must("token", "create", "--role", role, "--quiet").strip()
        return self._start("join", f"{self.nodes[0].address}:2377", "--token", token)

    def flags(self, number: int) -> list[str]:
        """Return the flags that node `number` is made with, but for its state directory."""
        address = f"{self._network}.{number}"
        return [
            "--advertise-addr", address, "--listen-addr", address, "--published-addr", address,
            "--hostname", f"n{number}", "--runtime", "docker",
        ]  # fmt: skip

    def _start(self, *argv: str, state_dir: Path | None = None) -> LocalNode:
        number = len(self.nodes) + 1
        state_dir = state_dir or self.root / f"n{number}"
        with log_of(state_dir).open("ab") as log:
            process = subprocess.Popen(
                [SWARMPY, *argv, "--foreground", "--state-dir", str(state_dir),
                 *self.flags(number)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, "DOCKER_HOST": ENGINE},
            )  # fmt: skip
        node = LocalNode(f"n{number}", f"{self._network}.{number}", state_dir, process)
        self.nodes.append(node)
        until(
            lambda: (state_dir / "swarmpy.sock").exists() or process.poll() is not None,
            READY_S,
            f"{node.name} answers",
        )
        assert process.poll() is None, node.log_tail()
        return node

    def until_ready(self) -> None:
        def ready() -> bool:
            states = [node["status"]["state"] for node in self.json("node", "ls")]
            return states == ["ready"] * len(self.nodes)

        until(ready, READY_S, "every node is ready")

    # Ways to look at it

    def tasks(self, service: str) -> list[Any]:
        """Return the tasks of a service that run and are wanted to."""
        return [
            task
            for task in self.json("service", "ps", service)
            if task["status"]["state"] == task["desired_state"] == "running"
        ]

    def client(self) -> SyncClient:
        """Return a client of the first node; use it as a context manager."""
        return SyncClient.connect(self.nodes[0].host)

    def objects(self) -> dict[str, set[str]]:
        """Return the names of all that people can make, by kind; nodes and tokens by their ids."""
        with self.client() as client:
            return {
                "stacks": {row.stack.name for row in client.stacks()},
                "services": {row.spec.name for row in client.services().services},
                "configs": {row.spec.name for row in client.configs()},
                "secrets": {row.spec.name for row in client.secrets()},
                "networks": {row.spec.name for row in client.networks()},
                "nodes": {row.id for row in client.nodes().nodes},
                "tokens": {row.id for row in client.tokens()},
            }

    # The end

    def stop(self) -> None:
        """End every process, and remove every container of its nodes."""
        for node in self.nodes:
            node.process.terminate()
        for node in self.nodes:
            try:
                node.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                node.process.kill()
                node.process.wait()
        for node in self.nodes:
            if (node.state_dir / "node.json").exists():
                argv = [sys.executable, "-m", "swarmpy.daemon.wipe", str(node.state_dir)]
                subprocess.run(argv, check=True, timeout=60)


@contextlib.contextmanager
def local_swarm(network: str, *, workers: int) -> Iterator[LocalSwarm]:
    """Give a swarm of one manager and `workers`, ready; nothing of it stays."""
    require_engine()
    root = Path(tempfile.mkdtemp(prefix="swarmpy-e2e-"))  # a socket's path must be short
    swarm = LocalSwarm(root, network)
    try:
        swarm.init()
        for _ in range(workers):
            swarm.join()
        swarm.until_ready()
        yield swarm
    finally:
        swarm.stop()
        shutil.rmtree(root)
