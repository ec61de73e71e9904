"""Several managers in one process: real Raft over a memory network, faulty disks, virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from swarmpy.errors import SwarmPyError
from swarmpy.raft.node import RaftNode
from swarmpy.raft.sealing import Sealing
from swarmpy.raft.settings import RaftSettings
from swarmpy.security.data_keys import DataKeys
from swarmpy.testing.clock import VirtualClock
from swarmpy.testing.faulty_disk import FaultyDisk
from swarmpy.testing.memory_network import MemoryNetwork
from swarmpy.testing.memory_peers import MemoryPeerNetwork
from swarmpy.testing.virtual_loop import run

DIRECTORY = Path("/raft")
SMALL = RaftSettings(
    snapshot_entries=50, snapshot_keep=10, segment_bytes=4096, log_ahead_bytes=1000
)
NOTHING_AHEAD = replace(SMALL, log_ahead_bytes=0)
"""Log files end where their last record does: on a full disk there is no room in them."""


def make_sealing(rng: random.Random, cluster_id: str = "swarm1") -> Sealing:
    return Sealing(cluster_id, DataKeys.create(rng), rng)


class Words:
    """A state machine that remembers what it was told, in order."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.last_index = 0
        self.restored = 0

    def apply(self, index: int, entry: bytes) -> None:
        assert index > self.last_index
        self.last_index = index
        self.words.append(entry.decode())

    async def snapshot(self) -> Iterator[bytes]:
        return iter(["\n".join([str(self.last_index), *self.words]).encode()])

    def restore(self, pieces: Iterable[bytes]) -> None:
        index, *self.words = b"".join(pieces).decode().split("\n")
        self.last_index = int(index)
        self.restored += 1


class Manager:
    """One member, its disk and its place on the network. The disk outlives crashes."""

    def __init__(self, name: str, cluster: Cluster) -> None:
        self.name = name
        self.cluster = cluster
        self.address = f"{name}:4242"
        self.disk = FaultyDisk(cluster.rng, cluster.clock, sync_s=0.002)
        self.sealing = make_sealing(cluster.rng)
        self.machine = Words()
        self.failure: BaseException | None = None
        self.node: RaftNode
        self.network: MemoryPeerNetwork
        self._task: asyncio.Task[None] | None = None

    @property
    def is_up(self) -> bool:
        return self._task is not None

    @property
    def is_leader(self) -> bool:
        return self.is_up and self.node.leadership.is_self

    async def start(self, bootstrap: dict[str, str] | None = None) -> None:
        self.machine = Words()
        self.network = MemoryPeerNetwork(self.cluster.network, self.name, self.address)
        self.node = RaftNode(
            self.name,
            self.machine,
            self.network,
            self.disk,
            DIRECTORY,
            self.cluster.clock,
            random.Random(self.cluster.rng.random()),
            self.sealing,
            self.cluster.settings,
        )
        await self.node.start(bootstrap)
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        try:
            await self.node.run()
        except SwarmPyError as error:
            self.failure = error

    async def stop(self) -> None:
        """End the process; the disk keeps what was written."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await self.node.close()

    async def crash(self) -> None:
        """Lose power: what was not synced is gone, and so is what the dying process says."""
        failure = self.failure
        self.disk.switch_off()
        await self.stop()
        self.failure = failure
        self.disk.switch_on()


class Cluster:
    """Managers named a, b, c...; all of them begin with the same members."""

    def __init__(self, rng: random.Random, settings: RaftSettings) -> None:
        self.rng = rng
        self.settings = settings
        self.clock = VirtualClock(asyncio.get_running_loop())
        self.network = MemoryNetwork(rng)
        self.managers: dict[str, Manager] = {}

    def __getitem__(self, name: str) -> Manager:
        return self.managers[name]

    def add(self, name: str) -> Manager:
        self.network.add_host(name)
        self.managers[name] = Manager(name, self)
        return self.managers[name]

    def addresses(self) -> dict[str, str]:
        return {name: manager.address for name, manager in self.managers.items()}

    async def start(self, names: str) -> None:
        for name in names:
            self.add(name)
        members = self.addresses()
        for manager in self.managers.values():
            await manager.start(members)

    async def stop(self) -> None:
        for manager in self.managers.values():
            await manager.stop()

    async def crash_all(self) -> None:
        for manager in self.managers.values():
            await manager.crash()

    def leaders(self) -> list[Manager]:
        return [manager for manager in self.managers.values() if manager.is_leader]

    async def leader(self) -> Manager:
        await self.until(lambda: bool(self.leaders()))
        return max(self.leaders(), key=lambda manager: manager.node.leadership.term)

    async def until(self, condition: Callable[[], bool], limit_s: float = 30.0) -> None:
        end = self.clock.monotonic() + limit_s
        while not condition():
            assert self.clock.monotonic() < end, f"not within {limit_s} s"
            await asyncio.sleep(0.01)

    async def settle(self) -> None:
        """Wait until every manager that is up has applied the same."""
        up = [manager for manager in self.managers.values() if manager.is_up]
        await self.until(lambda: len({m.machine.last_index for m in up}) == 1)
        assert len({tuple(m.machine.words) for m in up}) == 1

    def cut_off(self, name: str) -> None:
        for other in self.managers:
            if other != name:
                self.network.partition(name, other)


def simulate(
    scenario: Callable[[Cluster], Coroutine[Any, Any, None]],
    *,
    seed: int = 1,
    settings: RaftSettings = SMALL,
) -> None:
    """Run a scenario to its end in virtual time."""

    async def main(rng: random.Random) -> None:
        cluster = Cluster(rng, settings)
        try:
            await scenario(cluster)
        finally:
            await cluster.stop()

    run(main, seed)
