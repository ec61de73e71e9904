"""A swarm on test hosts, driven by the command line as people drive it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.hosts import Host, run, run_detached

SWARMPY = str(Path(sys.executable).parent / "swarmpy")
EXAMPLES = Path(__file__).parents[2] / "compose-examples"


@dataclass
class Cluster:
    """Hosts in one swarm; the first one founded it."""

    hosts: list[Host]
    members: list[Host] = field(default_factory=list)

    def state_dir(self, host: Host) -> Path:
        return host.root / "swarmpy"

    def swarmpy(
        self,
        host: Host,
        *argv: str,
        check: bool = True,
        timeout_s: float = 120,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run the CLI on a host."""
        done = subprocess.run(
            host.inside(SWARMPY, *argv),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            env={
                **os.environ,
                "DOCKER_HOST": host.docker_host,
                "SWARMPY_HOST": f"unix://{self.state_dir(host)}/swarmpy.sock",
                "NO_COLOR": "1",
                **(environment or {}),
            },
        )
        if check and done.returncode:
            raise AssertionError(
                f"swarmpy {' '.join(argv)} on {host.name}: exit {done.returncode}\n"
                f"{done.stdout}{done.stderr}\n{self.log_tail(host)}"
            )
        return done

    def json(self, host: Host, *argv: str) -> Any:
        return json.loads(self.swarmpy(host, *argv, "--format", "json").stdout)

    def log_tail(self, host: Host, lines: int = 30) -> str:
        path = self.state_dir(host) / "daemon.log"
        text = path.read_text(errors="replace").splitlines() if path.exists() else []
        return f"--- {path}\n" + "\n".join(text[-lines:])

    # Ways to make it

    def init(self, host: Host) -> None:
        self.swarmpy(host, "init", *self._flags(host))
        self.members.append(host)

    def join(self, host: Host, role: str) -> None:
        token = self.swarmpy(
            self.members[0], "token", "create", "--role", role, "--quiet"
        ).stdout.strip()
        address = f"{self.members[0].address}:2377"
        self.swarmpy(host, "join", address, "--token", token, *self._flags(host))
        self.members.append(host)

    def _flags(self, host: Host) -> list[str]:
        return [
            "--state-dir", str(self.state_dir(host)), "--advertise-addr", host.address,
            "--runtime", "docker",
        ]  # fmt: skip

    def deploy(self, host: Host, file: str, name: str, **environment: str) -> None:
        argv = ("stack", "deploy", "-c", str(EXAMPLES / file), name)
        self.swarmpy(host, *argv, environment=environment)

    # Ways to break it

    def node_pids(self, host: Host) -> list[int]:
        """Return the supervisor and the daemon of a host."""
        found = run("pgrep", "-f", f"swarmpy.daemon.* {self.state_dir(host)}$", check=False)
        return [int(pid) for pid in found.split()]

    def kill_node(self, host: Host) -> None:
        for pid in self.node_pids(host):
            os.kill(pid, 9)

    def start_node(self, host: Host) -> None:
        """Start the daemon again, as a boot of the host would."""
        supervise = (sys.executable, "-m", "swarmpy.daemon.supervise", str(self.state_dir(host)))
        run_detached(host.inside(*supervise), self.state_dir(host) / "daemon.log")

    # Ways to look at it

    def node_states(self, host: Host) -> dict[str, str]:
        """Return address -> state of every node, as `host` sees them; {} when it cannot say."""
        done = self.swarmpy(host, "node", "ls", "--format", "json", check=False)
        if done.returncode:
            return {}
        return {
            node["status"]["address"]: node["status"]["state"] for node in json.loads(done.stdout)
        }

    def all_ready(self, host: Host) -> bool:
        states = self.node_states(host)
        return len(states) == len(self.members) and set(states.values()) == {"ready"}

    def running_on(self, host: Host, service: str) -> list[str]:
        """Return the address of the node of each task that runs and is wanted to."""
        address_of = {
            node["id"]: node["status"]["address"] for node in self.json(host, "node", "ls")
        }
        return [
            address_of[task["node_id"]]
            for task in self.json(host, "service", "ps", service)
            if task["status"]["state"] == "running" and task["desired_state"] == "running"
        ]

    def get(self, host: Host, port: int, timeout_s: int = 5) -> str:
        """Fetch a page from a published port of this very host; "" when it does not come."""
        return host.exec(
            "curl", "-sf", "--max-time", str(timeout_s), f"http://{host.address}:{port}/",
            check=False,
        )  # fmt: skip

    def leader(self, host: Host) -> Host:
        nodes = self.json(host, "node", "ls")
        name = next(node["status"]["address"] for node in nodes if node["leader"])
        return next(one for one in self.hosts if one.address == name)


def until(condition: Callable[[], Any], timeout_s: float, what: str) -> float:
    """Return the seconds until `condition` was true. Raises AssertionError when it never is."""
    began = time.monotonic()
    for _ in _ticks():
        if condition():
            return time.monotonic() - began
        assert time.monotonic() - began < timeout_s, f"after {timeout_s:.0f} s: {what}"
    raise AssertionError


def _ticks() -> Iterator[None]:
    while True:
        yield
        time.sleep(0.1)
