"""The core's wishes on real sockets of loopback, with a core that does what the test says."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from swarmpy.core.gossip.events import Event, MemberDead
from swarmpy.core.gossip.outbox import Datagram, StreamRequest
from swarmpy.gossip.member import Member
from swarmpy.gossip.wire import Wire
from swarmpy.pb.gossip_pb2 import (
    GossipEndpoint,
    GossipFrame,
    GossipMember,
    GossipPacket,
    GossipPing,
    GossipSet,
    GossipSums,
)
from swarmpy.pb.types_pb2 import GossipKey, GossipKeyRing
from tests.gossip.fake_core import FakeCore
from tests.gossip.ports import free_address

RING = GossipKeyRing(keys=[GossipKey(id=1, key=bytes(32))], primary_id=1)
SOON_S = 10.0


def made(node_id: str, ring: GossipKeyRing = RING) -> tuple[Member, FakeCore]:
    wire = Wire("c", random.Random(node_id), 0.0)
    wire.set_keys(ring)
    cores: list[FakeCore] = []

    def core(address: str, _now: float) -> FakeCore:
        cores.append(FakeCore(node_id, address))
        return cores[0]

    member = Member(free_address(), wire, None, "c", core)
    return member, cores[0]


@asynccontextmanager
async def running(*members: Member) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(member.run()) for member in members]
        await asyncio.sleep(0)
        yield
        for task in tasks:
            task.cancel()


async def until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(SOON_S):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_datagram_reaches_the_other_core() -> None:
    (a, core_a), (b, core_b) = made("a"), made("b")
    packet = GossipPacket(sender_id="a", pulled=True)
    core_a.datagrams.append(Datagram(b.address, packet))
    async with running(a, b):
        await until(lambda: core_b.packets)
    assert core_b.packets == [packet]


async def test_a_request_opens_a_stream_and_all_answers_come_back() -> None:
    (a, core_a), (b, core_b) = made("a"), made("b")
    answers = [
        GossipFrame(set=GossipSet(endpoints=[GossipEndpoint(task_id=f"t{number}")]))
        for number in range(5)
    ]

    def answer(_frame: GossipFrame) -> Iterator[GossipFrame]:
        yield from answers

    core_b.answer = answer
    request = GossipFrame(sender=core_a.me, sums=GossipSums())
    core_a.requests.append(StreamRequest(b.address, request))
    async with running(a, b):
        await until(lambda: len(core_a.frames) == 5)
    assert core_a.frames == answers
    assert core_b.frames == [request]


async def test_the_core_hears_of_a_stream_that_is_refused_and_of_no_other_that_fails() -> None:
    member, core = made("n1")
    frame = GossipFrame(ping=GossipPing(number=7))
    async with running(member):
        core.requests.append(StreamRequest("nonsense", GossipFrame(sums=GossipSums())))
        core.requests.append(StreamRequest(free_address(), frame))
        member.flush()
        await until(lambda: core.refusals and member.streams.broken == 2)
    assert core.refusals == [frame]


async def test_the_core_is_ticked_when_it_wants_and_sooner_when_it_changes_its_mind() -> None:
    a, core = made("a")
    core.wakes_at = a.now() + 60.0
    async with running(a):
        core.wakes_at = a.now() + 0.05
        a.flush()
        await until(lambda: core.ticks)
    assert core.ticks[0] >= 0.05


async def test_a_core_that_always_wants_to_wake_does_not_hold_up_the_loop() -> None:
    a, core = made("a")
    core.tick = core.ticks.append  # type: ignore[method-assign, assignment]
    core.wakes_at = 0.0
    async with running(a):
        began = a.now()
        await asyncio.sleep(0.05)
        assert a.now() - began < 1.0
    assert 2 <= len(core.ticks) <= 60


async def test_events_are_passed_on() -> None:
    a, core = made("a")
    heard: list[tuple[Event, ...]] = []
    a.on_events = heard.append
    core.happened.append(MemberDead("b", certain=True))
    async with running(a):
        await until(lambda: heard)
    assert heard == [(MemberDead("b", certain=True),)]


async def test_what_is_sealed_and_no_packet_is_counted() -> None:
    (a, _), (b, core_b) = made("a"), made("b")
    async with running(a, b):
        data = a.wire.seal(b"\xff\xff\xff")
        assert data is not None
        a._udp.send(b.address, data)
        await until(lambda: b.wire.dropped["meaningless"])
    assert core_b.packets == []


async def test_without_keys_neither_packets_nor_streams_are_sent() -> None:
    (a, core_a), (b, core_b) = made("a", GossipKeyRing()), made("b")
    core_a.datagrams.append(Datagram(b.address, GossipPacket(sender_id="a")))
    core_a.requests.append(StreamRequest(b.address, GossipFrame(ping=GossipPing(number=1))))
    async with running(a, b):
        await asyncio.sleep(0.05)
    assert a.wire.dropped["unsent"] == 2
    assert core_b.packets == []
    assert core_b.frames == []


async def test_a_probe_asks_both_ways_and_its_answers_are_not_the_cores() -> None:
    (a, core_a), (b, core_b) = made("a"), made("b")
    core_b.addresses["a"] = a.address
    async with running(a, b):
        datagram_s, stream_s = await a.probe(GossipMember(node_id="b", address=b.address))
    assert datagram_s is not None
    assert stream_s is not None
    assert core_a.packets == []
    assert core_a.frames == []


async def test_a_probe_of_nobody_finds_nobody() -> None:
    a, _ = made("a")
    async with running(a):
        nobody = GossipMember(node_id="x", address=free_address())
        assert await a.probe(nobody) == (None, None)
