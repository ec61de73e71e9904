"""Replicas beside Docker Swarm, on one engine: create N, update 10 by 2, kill one; in turns.

    scripts/bench [--quick]

Prints medians and ratios. Both orchestrators are one node on this machine; times are from the
request to the moment when the engine (floor), the managers' task states (ours, Swarm) say running.
Swarm gets --no-resolve-image and no published port, and its monitor period is not counted.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker

from bench.process_usage import rss_mb
from swarmpy import Client
from swarmpy.daemon.bootstrap import prepare_first
from swarmpy.daemon.key_choice import KeyWish
from swarmpy.daemon.settings import Settings
from swarmpy.pb.specs_pb2 import ContainerSpec, ReplicatedMode, ServiceSpec, TaskSpec
from swarmpy.pb.types_pb2 import UpdateConfig

IMAGE = "swarmpy/hello:1"
SLEEP = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done"]
FLOOR_THREADS = 4
TIMEOUT_S = 120.0
Timed = Callable[[], Awaitable[float]]


def until(condition: Callable[[], bool], pause_s: float = 0.02) -> float:
    """Return when a condition became true, in monotonic seconds."""
    give_up_at = time.monotonic() + TIMEOUT_S
    while not condition():
        if time.monotonic() > give_up_at:
            sys.exit("it took longer than two minutes")
        time.sleep(pause_s)
    return time.monotonic()


class Floor:
    """The engine alone, with as many requests at once as serve it best."""

    def __init__(self, engine: docker.DockerClient) -> None:
        self._engine = engine

    async def create(self, count: int) -> float:
        return await asyncio.to_thread(self._create, count)

    def _create(self, count: int) -> float:
        began = time.monotonic()
        with ThreadPoolExecutor(FLOOR_THREADS) as pool:
            made = list(
                pool.map(
                    lambda _: self._engine.containers.run(IMAGE, SLEEP, detach=True), range(count)
                )
            )
        took_s = time.monotonic() - began
        for container in made:
            container.remove(force=True)
        return took_s


class Ours:
    """A node of SwarmPy through its SDK."""

    def __init__(self, client: Client, engine: docker.DockerClient) -> None:
        self._client = client
        self._engine = engine

    def _spec(self, count: int, version: str, monitor_s: float = 0.05) -> ServiceSpec:
        container = ContainerSpec(
            name="main", image=IMAGE, command=SLEEP, environment={"VERSION": version}
        )
        return ServiceSpec(
            name="bench",
            replicated=ReplicatedMode(replicas=count),
            task=TaskSpec(containers=[container]),
            update=UpdateConfig(parallelism=2, monitor_s=monitor_s),
        )

    async def create(self, count: int) -> float:
        took_s = await self._created(count)
        await self._remove()
        return took_s

    async def _created(self, count: int) -> float:
        began = time.monotonic()
        service = await self._client.create_service(self._spec(count, "1"))
        await self._client.wait_done(service, timeout_s=TIMEOUT_S, steady_s=0)
        return time.monotonic() - began

    async def update(self, monitor_s: float) -> float:
        await self._created(10)
        began = time.monotonic()
        service = await self._client.update_service("bench", self._spec(10, "2", monitor_s))
        await self._client.wait_done(service, timeout_s=TIMEOUT_S, steady_s=0)
        took_s = time.monotonic() - began
        await self._remove()
        return took_s

    async def replace(self) -> float:
        await self._created(3)
        took_s = await asyncio.to_thread(kill_one, self._engine, "swarmpy.task", 3)
        await self._remove()
        return took_s

    async def _remove(self) -> None:
        await self._client.remove_service("bench")
        await asyncio.to_thread(until, lambda: not self._engine.api.containers(all=True))


class Swarm:
    """Docker Swarm through its command line; its task states through the API."""

    def __init__(self, engine: docker.DockerClient, host: str) -> None:
        self._engine = engine
        self._environment = {**os.environ, "DOCKER_HOST": host}

    def _docker(self, *argv: str) -> None:
        subprocess.run(
            ["docker", *argv], check=True, env=self._environment, stdout=subprocess.DEVNULL
        )

    def _running(self, version: str) -> int:
        tasks = self._engine.api.tasks({"service": "bench", "desired-state": "running"})
        return sum(
            task["Status"]["State"] == "running"
            and f"VERSION={version}" in task["Spec"]["ContainerSpec"].get("Env", [])
            for task in tasks
        )

    async def create(self, count: int) -> float:
        took_s = await asyncio.to_thread(self._created, count)
        await asyncio.to_thread(self._remove)
        return took_s

    def _created(self, count: int) -> float:
        began = time.monotonic()
        self._docker(
            "service", "create", "--detach", "--quiet", "--no-resolve-image", "--name", "bench",
            "--env", "VERSION=1", "--update-parallelism", "2", "--restart-delay", "0s",
            "--replicas", str(count), IMAGE, *SLEEP,
        )  # fmt: skip
        return until(lambda: self._running("1") == count) - began

    async def update(self) -> float:
        def timed() -> float:
            self._created(10)
            began = time.monotonic()
            self._docker("service", "update", "--detach", "--quiet", "--no-resolve-image",
                         "--env-add", "VERSION=2", "bench")  # fmt: skip
            took_s = until(lambda: self._running("2") == 10) - began
            self._remove()
            return took_s

        return await asyncio.to_thread(timed)

    async def replace(self) -> float:
        def timed() -> float:
            self._created(3)
            took_s = kill_one(self._engine, "com.docker.swarm.task.id", 3)
            self._remove()
            return took_s

        return await asyncio.to_thread(timed)

    def _remove(self) -> None:
        self._docker("service", "rm", "bench")
        until(lambda: not self._engine.api.containers(all=True))


def kill_one(engine: docker.DockerClient, label: str, count: int) -> float:
    """Return the seconds from killing a container until as many run as before."""

    def running() -> set[str]:
        return {one["Id"] for one in engine.api.containers(filters={"label": label})}

    known = running()
    began = time.monotonic()
    engine.api.kill(next(iter(known)))

    def replaced() -> bool:
        now = running()
        return len(now) == count and bool(now - known)

    return until(replaced) - began


@contextlib.asynccontextmanager
async def node(host: str) -> AsyncIterator[tuple[Client, int]]:
    """Give a client of a one-node swarm of ours, and its daemon's process id."""
    with tempfile.TemporaryDirectory(prefix="swarmpy-bench-") as root:
        state_dir = Path(root) / "node"
        settings = prepare_first(
            Settings(
                state_dir=state_dir,
                advertise_address="127.0.0.31",
                listen_address="127.0.0.31",
                published_address="127.0.0.31",
                runtime="docker",
                docker_host=host,
                socket_path=state_dir / "swarmpy.sock",
            ),
            KeyWish(f"file:{root}/key"),
        ).settings
        argv = [sys.executable, "-m", "swarmpy.daemon", str(state_dir)]
        with (state_dir / "daemon.log").open("wb") as log:
            daemon = subprocess.Popen(argv, stdout=log, stderr=log)
        try:
            await asyncio.to_thread(until, settings.socket_path.exists)
            async with await Client.connect(f"unix://{settings.socket_path}") as client:
                yield client, daemon.pid
        finally:
            daemon.terminate()
            await asyncio.to_thread(daemon.wait)


async def rounds(count: int, measures: dict[str, Timed]) -> dict[str, float]:
    """Return the median of each measure; they take turns, so that a busy moment meets all."""
    taken: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(count):
        for name, measure in measures.items():
            taken[name].append(await measure())
    return {name: statistics.median(times) for name, times in taken.items()}


def show(what: str, found: dict[str, float], goal: str = "") -> None:
    ours = found["ours"]
    parts = [f"{name} {took_s:6.2f} s" for name, took_s in found.items()]
    ratios = [f"{ours / took_s:.2f}x {name}" for name, took_s in found.items() if name != "ours"]
    print(f"{what:28} {'   '.join(parts)}   ours = {', '.join(ratios)}   {goal}", flush=True)


async def run(host: str, *, quick: bool) -> None:
    engine = docker.DockerClient(base_url=host, max_pool_size=32, timeout=60)
    times = 1 if quick else 3
    floor, swarm = Floor(engine), Swarm(engine, host)
    engine.swarm.init(advertise_addr="127.0.0.1", listen_addr="127.0.0.1:2477")
    async with node(host) as (client, pid):
        ours = Ours(client, engine)
        for count in (1, 10) if quick else (1, 10, 50):
            found = await rounds(
                times,
                {
                    "floor": lambda n=count: floor.create(n),
                    "ours": lambda n=count: ours.create(n),
                    "swarm": lambda n=count: swarm.create(n),
                },
            )
            show(f"create {count}", found, "goal 1.15x floor" if count == 50 else "")
        show(
            "update 10 by 2",
            await rounds(times, {"ours": lambda: ours.update(0.05), "swarm": swarm.update}),
            "goal 0.50x swarm",
        )
        show("  with 1 s of monitoring", await rounds(times, {"ours": lambda: ours.update(1.0)}))
        show(
            "kill one to replacement",
            await rounds(times, {"ours": ours.replace, "swarm": swarm.replace}),
            "goal 1 s",
        )
        await asyncio.sleep(5 if quick else 60)
        print(f"{'idle manager and agent':28} {rss_mb(pid):.0f} MB RSS   goal 110 MB")


@contextlib.contextmanager
def bench_engine() -> Iterator[str]:
    """Give the address of a Docker Engine of our own."""
    root = tempfile.mkdtemp(prefix="swarmpy-bench-engine-")
    scripts = Path(__file__).parents[1] / "scripts"
    environment = {
        **os.environ,
        "SWARMPY_ENGINE_ROOT": root,
        "SWARMPY_ENGINE_BRIDGE": "spbench0",
        "SWARMPY_ENGINE_ADDRESS": "10.95.0.1/24",
    }
    host = f"unix://{root}/docker.sock"
    try:
        subprocess.run([str(scripts / "engine"), "start"], check=True, env=environment)
        images = {**environment, "DOCKER_HOST": host}
        subprocess.run([str(scripts / "demo-image")], check=True, env=images)
        yield host
    finally:
        subprocess.run([str(scripts / "engine"), "stop"], check=False, env=environment)
        subprocess.run(["rm", "-rf", root], check=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round, small numbers")
    quick = parser.parse_args().quick
    with bench_engine() as host:
        asyncio.run(run(host, quick=quick))


if __name__ == "__main__":
    main()
