"""A swarm of real node processes on loopback addresses, driven by the command line."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.e2e.cluster import SWARMPY, until

Done = subprocess.CompletedProcess[str]

_NETS = itertools.count(1)
"""The third number of each swarm's addresses: two of one process never meet."""

STACK = """
services:
  web:
    image: process
    entrypoint: ["{python}", "-c", "import time; time.sleep(3600)"]
    environment: {{PASSWORD: "{canary}"}}
    secrets: [word]
    deploy: {{replicas: {replicas}}}
secrets:
  word: {{environment: CANARY}}
"""


class LoopbackSwarm:
    """Node n listens on 127.x.y.n; all of them end with the swarm."""

    def __init__(self, root: Path, runtime: str = "process") -> None:
        self.root = root
        self._runtime = runtime
        self._net = f"127.{100 + os.getpid() % 100}.{next(_NETS)}"
        self._nodes: dict[int, subprocess.Popen[bytes]] = {}
        self.environment: dict[str, str] = {}
        """For commands and daemons that are started from then on."""

    def dir(self, number: int) -> Path:
        return self.root / f"n{number}"

    def address(self, number: int) -> str:
        return f"{self._net}.{number}"

    def host(self, number: int) -> str:
        """Return what SWARMPY_HOST is to be for a node to answer."""
        return f"unix://{self.dir(number)}/swarmpy.sock"

    def flags(self, number: int) -> list[str]:
        address = self.address(number)
        return [
            "--state-dir", str(self.dir(number)), "--advertise-addr", address,
            "--listen-addr", address, "--runtime", self._runtime, "--published-addr", address,
            "--hostname", f"n{number}",
        ]  # fmt: skip

    def swarmpy(
        self,
        number: int,
        *words: str,
        stdin: str = "",
        code: int | None = 0,
        timeout_s: float = 60,
        environment: Mapping[str, str] | None = None,
    ) -> Done:
        """Run a command that speaks with a node, and check how it ends; None lets anything pass."""
        done = subprocess.run(
            [SWARMPY, *words],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            env=self._environment(SWARMPY_HOST=self.host(number), **(environment or {})),
        )
        assert code is None or done.returncode == code, (
            f"swarmpy {' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}\n"
            + self.log_tail(number)
        )
        return done

    def json(self, number: int, *words: str) -> Any:
        return json.loads(self.swarmpy(number, *words, "--format", "json").stdout)

    # --- nodes

    def init(self, number: int, *flags: str) -> None:
        """Found a swarm; the daemon is a child of ours."""
        self._run(number, [SWARMPY, "init", "--foreground", *self.flags(number), *flags])
        self.until_answers(number)

    def join(self, number: int, role: str, *flags: str) -> None:
        token = self.swarmpy(1, "token", "create", "--role", role, "-q").stdout.strip()
        address = f"{self.address(1)}:2377"
        words = [SWARMPY, "join", address, "--token", token, "--foreground"]
        self._run(number, [*words, *self.flags(number), *flags])

    def join_in_background(self, number: int, role: str) -> None:
        """Join as people do: the daemon is no child of ours."""
        token = self.swarmpy(1, "token", "create", "--role", role, "-q").stdout.strip()
        words = ("join", f"{self.address(1)}:2377", "--token", token)
        self.swarmpy(number, *words, *self.flags(number))

    def start(self, number: int) -> None:
        """Start the daemon of a node that is there already."""
        self._run(number, [sys.executable, "-m", "swarmpy.daemon", str(self.dir(number))])
        until(lambda: self._listens(number), 20, f"node {number} listens\n{self.log_tail(number)}")

    def run_to_its_end(self, number: int) -> str:
        """Start a node that cannot run; return what it says."""
        done = subprocess.run(
            [sys.executable, "-m", "swarmpy.daemon", str(self.dir(number))],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
            env=self._environment(),
        )
        assert done.returncode in {1, 2}, done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        return done.stderr

    def kill(self, *numbers: int) -> None:
        """kill -9, all at once."""
        for number in numbers:
            self._nodes[number].send_signal(signal.SIGKILL)
        for number in numbers:
            self._nodes.pop(number).wait()

    def stop(self, number: int) -> int:
        """Ask a node to end; return its exit code."""
        self._nodes[number].terminate()
        code = self._nodes[number].wait(20)
        del self._nodes[number]
        return code

    def pid(self, number: int) -> int:
        return self._nodes[number].pid

    def until_answers(self, number: int) -> None:
        until(
            lambda: self.swarmpy(number, "node", "ls", code=None).returncode == 0,
            30,
            f"node {number} answers\n{self.log_tail(number)}",
        )

    def until_ready(self, number: int, managers: int, nodes: int) -> None:
        """Wait until so many nodes are ready, and so many of them members of the quorum."""

        def ready() -> bool:
            done = self.swarmpy(number, "node", "ls", "--format", "json", code=None)
            rows = json.loads(done.stdout) if done.returncode == 0 else []
            up = [row for row in rows if row["status"]["state"] == "ready"]
            return len(up) == nodes and sum(bool(row.get("manager")) for row in up) == managers

        until(ready, 40, f"{managers} managers of {nodes} are ready\n{self.log_tail(number)}")

    def log_tail(self, number: int, lines: int = 20) -> str:
        path = self.root / f"n{number}.log"
        return "\n".join(path.read_text().splitlines()[-lines:]) if path.exists() else ""

    # --- what runs

    def deploy(self, number: int, canary: str, replicas: int = 1) -> None:
        """Run a service with the canary in its environment and in a secret."""
        file = self.root / "stack.yaml"
        file.write_text(STACK.format(python=sys.executable, canary=canary, replicas=replicas))
        words = ("stack", "deploy", "-c", str(file), "shop", "--timeout", "60s")
        self.swarmpy(number, *words, environment={"CANARY": canary})
        file.unlink()

    def task_pids(self, number: int) -> set[int]:
        """Return the first processes of the tasks on a node that run."""
        found = self.dir(number).glob("runtime/tasks/*/started.json")
        pids = {json.loads(path.read_bytes())["pid"] for path in found}
        return {pid for pid in pids if Path(f"/proc/{pid}").exists()}

    def stop_supervised(self, number: int) -> None:
        """Stop a daemon that a command has started in the background."""
        pid = (self.dir(number) / "daemon.pid").read_text()
        subprocess.run(["kill", pid], check=False)
        until(lambda: not Path(f"/proc/{pid}").exists(), 20, "the daemon ends")

    def end(self) -> None:
        for process in self._nodes.values():
            process.kill()
            process.wait()
        for path in self.root.glob("n*/node.json"):
            subprocess.run(
                [sys.executable, "-m", "swarmpy.daemon.wipe", str(path.parent)], check=False
            )

    # --- inside

    def _run(self, number: int, argv: Sequence[str]) -> None:
        with (self.root / f"n{number}.log").open("ab") as log:
            self._nodes[number] = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment()
            )

    def _listens(self, number: int) -> bool:
        done = self.swarmpy(number, "node", "ls", code=None)
        return "no node daemon answers" not in done.stderr and "nobody answers" not in done.stderr

    def _environment(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name[:8] != "SWARMPY_"}
        return {
            **kept, "NO_COLOR": "1", "SWARMPY_KEY_DIR": str(self.root / "keys"),
            **self.environment, **more,
        }  # fmt: skip


@contextlib.contextmanager
def state_directory() -> Iterator[Path]:
    """Give a directory whose name is short, for sockets live in it."""
    root = Path(tempfile.mkdtemp(prefix="swm-"))
    try:
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


@contextlib.contextmanager
def loopback_swarm() -> Iterator[LoopbackSwarm]:
    """Give an empty swarm."""
    with state_directory() as root:
        swarm = LoopbackSwarm(root)
        try:
            yield swarm
        finally:
            swarm.end()
