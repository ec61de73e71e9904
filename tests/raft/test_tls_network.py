"""One live link between two managers, whoever dials; strangers and endless frames are refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from swarmpy.daemon.clock import SystemClock
from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER, NODE_ROLE_WORKER, NodeRole
from swarmpy.raft import tls_network
from swarmpy.raft.peer_link import LENGTH, QUEUE_MAX_BYTES
from swarmpy.raft.tls_network import PROTOCOL, TlsPeerNetwork
from swarmpy.rpc.dial import hang_up
from swarmpy.rpc.stream_pair import streams_of
from tests.raft.loopback import LoopbackPort


class End:
    """A manager's end of the network, and what came to it."""

    def __init__(self, node_id: str, role: NodeRole.ValueType = NODE_ROLE_MANAGER) -> None:
        self.node_id = node_id
        self.port = LoopbackPort(node_id, role)
        self.network = TlsPeerNetwork(node_id, self.port, SystemClock())
        self.frames: list[tuple[str, bytes]] = []
        self.links: list[tuple[str, bool]] = []
        self.address = ""
        self.network.set_handlers(
            lambda peer, frames: self.frames.extend((peer, frame) for frame in frames),
            lambda peer, up: self.links.append((peer, up)),
        )

    @property
    def is_linked(self) -> bool:
        return bool(self.links) and self.links[-1][1]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[End]:
        await self.network.start()
        async with self.port.listening() as self.address:
            running = asyncio.get_running_loop().create_task(self.network.run())
            try:
                yield self
            finally:
                await self.network.close()
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)


@asynccontextmanager
async def ends(*names: str) -> AsyncIterator[list[End]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(End(name).running()) for name in names]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


def introduce(*all_ends: End) -> None:
    for end in all_ends:
        end.network.set_peers({other.node_id: other.address for other in all_ends})


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls_network, "PATIENCE_S", 0.1)
    monkeypatch.setattr(tls_network, "REDIAL_S", 0.02)


async def test_frames_of_any_size_arrive_whole_and_in_order() -> None:
    async with ends("a", "b") as (a, b):
        introduce(a, b)
        await until(lambda: a.is_linked and b.is_linked)
        sizes = [0, 1, 65_536, 3_000_000]
        for size in sizes:
            assert a.network.send("b", bytes(size))
            assert b.network.send("a", bytes(size))
        await until(lambda: len(a.frames) == len(b.frames) == 4)
        assert [len(frame) for _, frame in b.frames] == sizes
        assert {peer for peer, _ in b.frames} == {"a"}


async def test_the_greater_id_dials() -> None:
    async with ends("a", "b") as (a, b):
        introduce(a, b)
        await until(lambda: a.is_linked and b.is_linked)
        await asyncio.sleep(0.15)
        assert (a.port.dialled, b.port.dialled) == (0, 1)
        assert a.links == [("b", True)]


@pytest.mark.parametrize("newcomer", ["z", "0"], ids=["greater id", "smaller id"])
async def test_a_manager_that_knows_nobody_is_dialled_and_lets_managers_in(newcomer: str) -> None:
    async with ends("m", newcomer) as (member, new):
        member.network.set_peers({newcomer: new.address})
        await until(lambda: member.is_linked and new.is_linked)
        assert new.network.send("m", b"hello")
        await until(lambda: member.frames == [(newcomer, b"hello")])


async def test_two_that_dial_each_other_at_once_keep_one_link() -> None:
    async with ends("a", "b") as (a, b):
        introduce(a, b)
        await until(lambda: a.is_linked and b.is_linked)
        reader, writer = streams_of(await a.port.dial(b.address, PROTOCOL, "b"))
        assert await reader.read() == b""
        await hang_up(writer)
        assert a.network.send("b", b"still here")
        await until(lambda: b.frames == [("a", b"still here")])


async def test_a_link_that_breaks_is_made_again() -> None:
    async with ends("a", "b") as (a, b):
        introduce(a, b)
        await until(lambda: a.is_linked and b.is_linked)
        a.network._links["b"].abort()
        await until(lambda: ("b", False) in a.links and a.is_linked and b.is_linked)
        await until(lambda: a.network.send("b", b"x") and bool(b.frames))


async def test_who_is_no_peer_any_more_is_dropped_and_refused() -> None:
    async with ends("a", "b") as (a, b):
        introduce(a, b)
        await until(lambda: a.is_linked and b.is_linked)
        a.network.set_peers({})
        await until(lambda: not b.is_linked)
        assert not a.network.send("b", b"x")
        dialled = b.port.dialled
        await until(lambda: b.port.dialled > dialled + 2)
        assert not a.is_linked


async def test_a_worker_is_refused() -> None:
    async with ends("a") as (a,):
        worker = End("w", NODE_ROLE_WORKER)
        reader, writer = streams_of(await worker.port.dial(a.address, PROTOCOL, "a"))
        assert await reader.read() == b""
        await hang_up(writer)
        assert a.links == []


async def test_an_endless_frame_ends_the_link() -> None:
    async with ends("a") as (a,):
        reader, writer = streams_of(await End("b").port.dial(a.address, PROTOCOL, "a"))
        writer.write(LENGTH.pack(0xFFFFFFFF))
        assert await reader.read() == b""
        await hang_up(writer)
        assert a.links == [("b", True), ("b", False)]


async def test_what_a_peer_does_not_read_does_not_pile_up() -> None:
    async with ends("a") as (a,):
        reader, writer = streams_of(await End("b").port.dial(a.address, PROTOCOL, "a"))
        await until(lambda: a.is_linked)
        frame = bytes(1 << 20)
        sent = 0
        while a.network.send("b", frame):
            sent += 1
            assert sent <= QUEUE_MAX_BYTES // len(frame) + 8
        assert await reader.readexactly(4) == LENGTH.pack(len(frame))
        await hang_up(writer)
