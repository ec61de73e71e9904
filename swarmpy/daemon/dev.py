"""`swarmpy dev`: a whole swarm on this machine, gone again on Ctrl-C.

Node N is a process of its own that listens on 127.0.0.(10+N) alone, so that five nodes can answer
on the same published port. They share this machine's Docker Engine, or run plain processes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from swarmpy.client.client import Client
from swarmpy.daemon.bootstrap import prepare_first, prepare_joining
from swarmpy.daemon.key_choice import KeyWish
from swarmpy.daemon.settings import Settings
from swarmpy.errors import InvalidInput, TimedOut, Unhealthy
from swarmpy.manifest.load import load_stack
from swarmpy.pb.objects_pb2 import Service
from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER, NODE_ROLE_WORKER, NODE_STATE_READY
from swarmpy.runtime.detect import docker_answers

NODES_MAX = 20
READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 15.0
REQUESTS_MAX = 200
"""Requests made to see every replica answer."""


@dataclass(frozen=True, slots=True)
class DevSwarm:
    """What kind of swarm to make."""

    managers: int = 3
    workers: int = 2
    runtime: str = "auto"
    state_dir: Path | None = None
    """Kept when given; else a temporary directory."""
    deploy: Path | None = None
    """A Compose file to deploy once the nodes are ready."""
    once: bool = False
    """Check that what was deployed answers, then end."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """For the Compose file, beside the environment."""

    def checked(self) -> DevSwarm:
        if not 1 <= self.managers <= 7 or not self.managers % 2:
            raise InvalidInput(
                f"{self.managers} managers: expected 1, 3, 5 or 7",
                remedy="an even number tolerates no more failures than one less",
            )
        if self.workers < 0 or self.managers + self.workers > NODES_MAX:
            raise InvalidInput(f"expected at most {NODES_MAX} nodes")
        return self


def run(wanted: DevSwarm, say: Callable[[str], None]) -> None:
    """Make the swarm, say where it is, and take it down on SIGINT or SIGTERM, or when `once` is
    done.

    Raises:
        TimedOut: the nodes do not get ready.
        Unhealthy: what was deployed does not answer.
    """
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(wanted.checked(), say))


async def _run(wanted: DevSwarm, say: Callable[[str], None]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell lets its background ignore the first
        asyncio.get_running_loop().add_signal_handler(number, _interrupt)
    began = time.monotonic()
    async with _swarm(wanted, say) as client:
        say(f"swarm     {wanted.managers} managers, {wanted.workers} workers ready after "
            f"{time.monotonic() - began:.1f} s")  # fmt: skip
        if wanted.deploy:
            await _deploy(wanted, client, say)
            say(f"total     {time.monotonic() - began:.1f} s")
        if not wanted.once:
            say("Ctrl-C takes it all down")
            await asyncio.Event().wait()


def _interrupt() -> None:
    raise KeyboardInterrupt


@contextlib.asynccontextmanager
async def _swarm(wanted: DevSwarm, say: Callable[[str], None]) -> AsyncIterator[Client]:
    """Give a client of the swarm's first manager; every process ends with the block."""
    root = wanted.state_dir or Path(tempfile.mkdtemp(prefix="swarmpy-dev-"))
    root.mkdir(parents=True, exist_ok=True)
    runtime = wanted.runtime
    if runtime == "auto":
        runtime = "docker" if await asyncio.to_thread(docker_answers) else "process"
    say(f"runtime   {runtime}" + (" (no Docker Engine answers)" if runtime == "process" else ""))
    nodes: list[_NodeProcess] = []
    try:
        first = (
            await asyncio.to_thread(prepare_first, _settings(root, 1, runtime), _wish(root, 1))
        ).settings
        nodes.append(_NodeProcess(first))
        say(f"state     {root}")
        say(f"socket    SWARMPY_HOST=unix://{first.socket_path}")
        await nodes[0].answers()
        async with await Client.connect(f"unix://{first.socket_path}") as client:
            await _join_others(wanted, client, nodes, root, runtime)
            await _until_ready(client, wanted)
            yield client
    finally:
        await asyncio.to_thread(_take_down, nodes)
        if wanted.state_dir is None:
            shutil.rmtree(root, ignore_errors=True)


def _settings(root: Path, number: int, runtime: str) -> Settings:
    address = f"127.0.0.{10 + number}"
    state_dir = root / f"n{number}"
    return Settings(
        state_dir=state_dir,
        advertise_address=address,
        listen_address=address,
        published_address=address,
        runtime=runtime,
        docker_host=os.environ.get("DOCKER_HOST"),
        socket_path=state_dir / "swarmpy.sock",
        hostname=f"dev{number}",
    )


def _wish(root: Path, number: int) -> KeyWish:
    """Keep the nodes' keys within the swarm's directory, yet beside nobody's data."""
    return KeyWish(f"file:{root / 'keys' / f'n{number}'}")


async def _join_others(
    wanted: DevSwarm, client: Client, nodes: list[_NodeProcess], root: Path, runtime: str
) -> None:
    for number in range(2, wanted.managers + wanted.workers + 1):
        role = NODE_ROLE_MANAGER if number <= wanted.managers else NODE_ROLE_WORKER
        token = await client.create_token(role=role)
        prepared = await asyncio.to_thread(
            prepare_joining,
            _settings(root, number, runtime),
            nodes[0].settings.raft_address,
            token.secret,
            _wish(root, number),
        )
        nodes.append(_NodeProcess(prepared.settings))


async def _until_ready(client: Client, wanted: DevSwarm) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while True:
        nodes = (await client.nodes()).nodes
        ready = sum(node.status.state == NODE_STATE_READY for node in nodes)
        managers = sum(node.HasField("manager") for node in nodes)
        if ready == wanted.managers + wanted.workers and managers == wanted.managers:
            return
        if time.monotonic() > deadline:
            raise TimedOut(
                f"{ready} of {wanted.managers + wanted.workers} nodes are ready after "
                f"{READY_TIMEOUT_S:.0f} s",
                remedy="read daemon.log in the nodes' directories",
            )
        await asyncio.sleep(0.1)


async def _deploy(wanted: DevSwarm, client: Client, say: Callable[[str], None]) -> None:
    assert wanted.deploy is not None
    began = time.monotonic()
    variables = {"SWARMPY_PYTHON": sys.executable, **os.environ, **wanted.variables}
    name = re.sub(r"[^a-zA-Z0-9]+", "-", wanted.deploy.stem)
    loaded = load_stack([wanted.deploy], name=name, environment=variables)
    deployed = await client.deploy(loaded.spec)
    await client.wait_done(deployed, timeout_s=READY_TIMEOUT_S)
    say(f"deployed  {wanted.deploy} after {time.monotonic() - began:.1f} s")
    for service in deployed.services:
        for url in await _urls(client, service):
            replicas = max(1, service.spec.replicated.replicas)
            answers = await asyncio.to_thread(_answers, url, replicas)
            say(f"answers   {url} by {answers} replicas")


async def _urls(client: Client, service: Service) -> list[str]:
    current = await client.service(service.id)
    return [f"http://127.0.0.11:{port.published}/" for port in current.ports if port.published]


def _answers(url: str, replicas: int) -> int:
    """Return how many different pages come; they name the replica.

    Raises:
        Unhealthy: fewer than there are replicas.
    """
    pages: set[bytes] = set()
    for _ in range(REQUESTS_MAX):
        done = subprocess.run(
            ["curl", "-sf", "--max-time", "5", url], capture_output=True, check=False
        )
        pages.add(done.stdout)
        pages.discard(b"")
        if len(pages) >= replicas:
            return len(pages)
    raise Unhealthy(f"{url}: {len(pages)} of {replicas} replicas answer", remedy="swarmpy why")


class _NodeProcess:
    """One node's daemon, as a child of ours."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        with (settings.state_dir / "daemon.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "swarmpy.daemon", str(settings.state_dir)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is ours to hear
            )

    async def answers(self) -> None:
        """Return once the node's socket is there. Raises TimedOut."""
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not self.settings.socket_path.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                log = (self.settings.state_dir / "daemon.log").read_text(errors="replace")
                raise TimedOut("a node did not start: " + log[-2000:])
            await asyncio.sleep(0.05)

    def terminate(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()

    def wait(self) -> None:
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def wipe(self) -> None:
        """Remove this node's tasks from the machine."""
        argv = [sys.executable, "-m", "swarmpy.daemon.wipe", str(self.settings.state_dir)]
        subprocess.run(argv, check=False, stdin=subprocess.DEVNULL)


def _take_down(nodes: list[_NodeProcess]) -> None:
    for node in nodes:
        node.terminate()
    for node in nodes:
        node.wait()
    for node in nodes:
        node.wipe()
