"""How long the loop stands still while a snapshot of many tasks is taken, sealed and written.

    python bench/raft_snapshot.py [--tasks 100000] [--directory DIR]

A heartbeat on the same loop notes its longest gap: that is the pause that Raft feels. The first
row is the loop with nothing to do, the last one the state made in one go, for comparison.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path

from swarmpy.daemon.clock import SystemClock
from swarmpy.ids import IdSource
from swarmpy.raft.disk import LocalDisk
from swarmpy.raft.sealing import Sealing
from swarmpy.raft.settings import RaftSettings
from swarmpy.raft.snapshot_file import Snapshot
from swarmpy.raft.snapshots import SnapshotStore
from swarmpy.security.data_keys import DataKeys
from swarmpy.store.store import Store
from swarmpy.testing.builders import task

GOAL_MS = 20.0
ROUNDS = 5


def filled(tasks: int) -> Store:
    store = Store(SystemClock(), IdSource(random.Random(1)))
    for number in range(tasks):
        row = task(f"task{number:08d}", on=f"node{number % 100}")
        environment = {f"SETTING_{letter}": f"a value of {letter}" for letter in "ABCDEFGH"}
        row.spec.containers[0].environment.update(environment)
        row.version = number
        store.view.tasks.put(row.id, row)
    return store


@dataclass
class Stall:
    """The longest gap between two beats of the loop, in seconds."""

    clock_s: float = 0.0
    cpu_s: float = 0.0
    """Of the loop's own thread: what is left when the machine has nothing else to do."""
    took_s: float = 0.0


async def beat(stall: Stall) -> None:
    last, last_cpu = time.perf_counter(), time.thread_time()
    while True:
        await asyncio.sleep(0)
        now, now_cpu = time.perf_counter(), time.thread_time()
        stall.clock_s = max(stall.clock_s, now - last)
        stall.cpu_s = max(stall.cpu_s, now_cpu - last_cpu)
        last, last_cpu = now, now_cpu


async def stalled(work: Awaitable[object]) -> Stall:
    """Return how long some work stopped the loop at a time."""
    stall = Stall()
    beating = asyncio.ensure_future(beat(stall))
    await asyncio.sleep(0)
    began_s = time.perf_counter()
    await work
    await asyncio.sleep(0)
    stall.took_s = time.perf_counter() - began_s
    beating.cancel()
    return stall


def say(what: str, stalls: list[Stall], verdict: str = "") -> None:
    clock_ms = max(stall.clock_s for stall in stalls) * 1000
    median_ms = statistics.median(stall.clock_s for stall in stalls) * 1000
    cpu_ms = max(stall.cpu_s for stall in stalls) * 1000
    took_s = statistics.median(stall.took_s for stall in stalls)
    print(
        f"{what:34} longest stall {clock_ms:7.1f} ms (median {median_ms:7.1f}), "
        f"of it CPU {cpu_ms:7.1f} ms; took {took_s:5.2f} s {verdict}"
    )


async def measure(store: Store, directory: Path) -> None:
    rng = random.SystemRandom()
    sealing = Sealing("bench", DataKeys.create(rng), rng)
    chunk_bytes = RaftSettings().snapshot_chunk_bytes
    files = SnapshotStore(LocalDisk(), directory, SystemClock(), chunk_bytes, sealing)
    files.recover()
    sizes = []

    async def write(index: int) -> None:
        sizes.append(await files.save(Snapshot(index, 1, {}, store.as_bytes()), 1))

    async def in_one_go() -> None:
        b"".join(store.as_bytes())

    say("nothing to do", [await stalled(asyncio.sleep(1)) for _ in range(ROUNDS)])
    written = [await stalled(write(index + 1)) for index in range(ROUNDS)]
    is_met = max(stall.cpu_s for stall in written) * 1000 <= GOAL_MS
    verdict = f"goal {GOAL_MS:g} ms of CPU: {'met' if is_met else 'MISSED'}"
    say(f"taken, sealed, written: {sizes[0] / 1e6:.0f} MB", written, verdict)
    say("the state made in one go", [await stalled(in_one_go())])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--directory", type=Path)
    options = parser.parse_args()
    store = filled(options.tasks)
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        asyncio.run(measure(store, Path(directory) / "snapshots"))


if __name__ == "__main__":
    main()
