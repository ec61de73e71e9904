"""Three managers whose consensus runs beside their home loop, in one process."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from swarmpy.daemon.clock import SystemClock
from swarmpy.daemon.consensus_thread import ConsensusThread, StoreAtHome
from swarmpy.daemon.side_loop import SideLoop
from swarmpy.errors import NotLeader
from swarmpy.ids import IdSource
from swarmpy.pb.objects_pb2 import Config
from swarmpy.raft.disk import LocalDisk
from swarmpy.raft.node import RaftNode
from swarmpy.raft.sealing import Sealing
from swarmpy.raft.settings import RaftSettings
from swarmpy.raft.tls_network import TlsPeerNetwork
from swarmpy.security.data_keys import DataKeys
from swarmpy.store.store import Store
from tests.raft.loopback import LoopbackPort
from tests.raft.ports import free_addresses

STALL_S = 1.5
"""Longer than an election takes."""
SETTINGS = RaftSettings(snapshot_entries=50, snapshot_keep=10)


class Manager:
    """A store at home, and its place in the quorum beside it."""

    def __init__(self, name: str, directory: Path) -> None:
        clock, rng = SystemClock(), random.Random(name)
        self.name = name
        self.side = SideLoop(name)
        self.store = Store(clock, IdSource(rng))
        self.port = LoopbackPort(name)
        self.network = TlsPeerNetwork(name, self.port, clock)
        self.node = RaftNode(
            name,
            StoreAtHome(self.store, self.side),
            self.network,
            LocalDisk(),
            directory / name,
            clock,
            rng,
            Sealing("cluster", DataKeys.create(rng), rng),
            SETTINGS,
        )
        self.consensus = ConsensusThread(self.node, self.side)
        self.store.connect(self.consensus.propose)

    @asynccontextmanager
    async def taking_part(self, members: dict[str, str]) -> AsyncIterator[None]:
        port = int(members[self.name].rpartition(":")[2])
        async with self.side.running():
            await self.side.run(self.node.start(members))
            try:
                async with asyncio.TaskGroup() as tasks:
                    parts = [
                        tasks.create_task(self.side.run(self._listen(port))),
                        tasks.create_task(self.side.run(self.network.run())),
                        tasks.create_task(self.consensus.run()),
                    ]
                    yield
                    for part in parts:
                        part.cancel()
            finally:
                await self.side.run(self.node.close())

    async def _listen(self, port: int) -> None:
        async with self.port.listening(port):
            await asyncio.Event().wait()

    async def write(self, name: str) -> None:
        async with self.store.update() as tx:
            row = Config(id=name)
            row.spec.name = name
            tx.configs.create(row)


@pytest.fixture
async def managers(tmp_path: Path) -> AsyncIterator[list[Manager]]:
    members = dict(zip("abc", free_addresses(3), strict=True))
    made = [Manager(name, tmp_path) for name in members]
    async with AsyncExitStack() as stack:
        for manager in made:
            await stack.enter_async_context(manager.taking_part(members))
        yield made


async def leader_of(managers: list[Manager]) -> Manager:
    async with asyncio.timeout(10):
        while True:
            for manager in managers:
                if manager.consensus.leadership.is_self:
                    return manager
            await asyncio.sleep(0.02)


async def test_what_was_written_is_there_at_home_when_the_write_returns(
    managers: list[Manager],
) -> None:
    leader = await leader_of(managers)
    for number in range(200):
        await leader.write(f"c{number}")
        assert f"c{number}" in leader.store.view.configs
    async with asyncio.timeout(10):
        for manager in managers:
            while manager.store.index < leader.store.index:
                await asyncio.sleep(0.02)
    states = {b"".join(manager.store.as_bytes()) for manager in managers}
    assert len(states) == 1


async def test_a_read_barrier_shows_every_acknowledged_write(managers: list[Manager]) -> None:
    leader = await leader_of(managers)
    async with asyncio.TaskGroup() as tasks:
        for number in range(100):
            tasks.create_task(leader.write(f"c{number}"))
    await leader.consensus.read_barrier()
    assert len(leader.store.view.configs) == 100
    follower = next(manager for manager in managers if manager is not leader)
    with pytest.raises(NotLeader):
        await follower.consensus.read_barrier()


async def test_a_home_loop_that_stalls_costs_no_election(managers: list[Manager]) -> None:
    assert SETTINGS.election_min_s < STALL_S
    leader = await leader_of(managers)
    await leader.write("before")
    term = leader.consensus.leadership.term
    for _ in range(2):
        think_for(STALL_S)
        await asyncio.sleep(0.01)
    await leader.write("after")
    assert leader.consensus.leadership.is_self
    assert leader.consensus.leadership.term == term


def think_for(duration_s: float) -> None:
    """Hold up the loop, and the interpreter's lock as often as it is given."""
    end = time.monotonic() + duration_s
    while time.monotonic() < end:
        sum(range(1000))


async def test_the_lead_is_told_after_what_came_before_it(managers: list[Manager]) -> None:
    leader = await leader_of(managers)
    for number in range(20):
        await leader.write(f"c{number}")
    await leader.consensus.transfer_leadership()
    successor = await leader_of([manager for manager in managers if manager is not leader])
    assert len(successor.store.view.configs) == 20
    assert not leader.consensus.leadership.is_self
