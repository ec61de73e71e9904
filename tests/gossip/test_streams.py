"""Conversations over real sockets, with and without TLS."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from swarmpy.gossip import listener
from swarmpy.gossip.listener import Listener
from swarmpy.gossip.streams import QUESTIONS_OPEN, Ending, Streams
from swarmpy.pb.gossip_pb2 import (
    GossipEndpoint,
    GossipFrame,
    GossipMember,
    GossipOwners,
    GossipSet,
    GossipSums,
)
from swarmpy.pb.types_pb2 import NODE_ROLE_WORKER
from swarmpy.security.tls_context import Papers
from tests.conformance.identities import SwarmIdentities
from tests.gossip.ports import free_address

SUMS = GossipFrame(sender=GossipMember(node_id="n1"), sums=GossipSums())


def part(number: int) -> GossipFrame:
    return GossipFrame(set=GossipSet(endpoints=[GossipEndpoint(task_id=f"t{number}")]))


@dataclass(slots=True)
class Ear:
    """Answers a frame as the test says, and remembers all frames."""

    answer: Callable[[GossipFrame], Iterator[GossipFrame]] = lambda _frame: iter(())
    frames: list[GossipFrame] = field(default_factory=list)

    def receive(self, frame: GossipFrame) -> Iterator[GossipFrame]:
        self.frames.append(frame)
        return self.answer(frame)


@asynccontextmanager
async def listening(streams: Streams) -> AsyncIterator[str]:
    """Serve on a port of loopback for the length of a block."""
    door = Listener("127.0.0.1:0")
    port = door._socket.getsockname()[1]
    async with asyncio.TaskGroup() as group:
        task = group.create_task(door.run(streams.serve, streams.server_context))
        try:
            yield f"127.0.0.1:{port}"
        finally:
            task.cancel()
            door.close()


def papers_of(identities: SwarmIdentities, node_id: str) -> Papers:
    return identities.of(node_id, NODE_ROLE_WORKER)


@pytest.fixture(params=["tls", "plain"])
def make(request: pytest.FixtureRequest) -> Callable[[str, Ear], Streams]:
    identities = SwarmIdentities()

    def made(node_id: str, ear: Ear) -> Streams:
        if request.param == "plain":
            return Streams("c", None, ear.receive)
        identity = identities.of(node_id, NODE_ROLE_WORKER)
        return Streams(identity.cluster_id, identity, ear.receive)

    return made


Make = Callable[[str, Ear], Streams]


async def test_a_question_is_answered_in_pieces_as_they_are_made(make: Make) -> None:
    made: list[int] = []

    def pieces(_frame: GossipFrame) -> Iterator[GossipFrame]:
        for number in range(20):
            made.append(number)
            yield part(number)

    here, there = Ear(), Ear(pieces)
    async with listening(make("n2", there)) as address:
        assert await make("n1", here).ask(address, SUMS) is Ending.WELL
    assert here.frames == [part(number) for number in range(20)]
    assert there.frames == [SUMS]
    assert made == list(range(20))


async def test_what_the_dialler_is_asked_it_answers_on_the_same_stream(make: Make) -> None:
    owners = GossipFrame(owners=GossipOwners(owner_ids=["n1"]))
    told = [part(number) for number in range(3 * QUESTIONS_OPEN)]
    there = Ear(lambda frame: iter([owners]) if frame.HasField("sums") else iter(()))
    here = Ear(lambda frame: iter(told) if frame.HasField("owners") else iter(()))
    async with listening(make("n2", there)) as address:
        assert await make("n1", here).ask(address, SUMS) is Ending.WELL
    assert there.frames == [SUMS, *told]


async def test_one_answer_may_be_asked_for_alone(make: Make) -> None:
    here, there = Ear(), Ear(lambda _frame: iter([part(1)]))
    async with listening(make("n2", there)) as address:
        assert await make("n1", here).ask_once(address, SUMS) == part(1)
    assert here.frames == []


@pytest.mark.parametrize("address", ["localhost:80", "nonsense", ""])
async def test_nobody_there_is_no_error(address: str) -> None:
    assert await Streams("c", None, Ear().receive).ask(address, SUMS) is Ending.BROKEN


async def test_a_port_that_nobody_listens_at_refuses(make: Make) -> None:
    assert await make("n1", Ear()).ask(free_address(), SUMS) is Ending.REFUSED


@pytest.mark.parametrize("has_papers", [True, False], ids=["tls", "plain"])
async def test_who_stands_still_refuses_nothing(
    has_papers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("swarmpy.gossip.streams.STREAM_S", 0.05)
    papers = papers_of(SwarmIdentities(), "n1") if has_papers else None
    still = Listener("127.0.0.1:0")  # bound, and nobody accepts
    try:
        address = f"127.0.0.1:{still._socket.getsockname()[1]}"
        assert await Streams("c", papers, Ear().receive).ask(address, SUMS) is Ending.BROKEN
    finally:
        still.close()


async def test_other_swarms_and_those_without_certificate_are_not_heard() -> None:
    ours, others = SwarmIdentities(), SwarmIdentities()
    there = Ear(lambda _frame: iter([part(1)]))
    server = Streams(
        ours.of("n2", NODE_ROLE_WORKER).cluster_id, papers_of(ours, "n2"), there.receive
    )
    async with listening(server) as address:
        for stranger in (papers_of(others, "n1"), None):
            asked = Streams("c", stranger, Ear().receive)
            assert await asked.ask(address, SUMS) is Ending.BROKEN
            assert await asked.ask_once(address, SUMS) is None
    assert there.frames == []


async def test_no_node_speaks_for_another() -> None:
    identities, there = SwarmIdentities(), Ear()
    cluster = identities.of("n2", NODE_ROLE_WORKER).cluster_id
    async with listening(Streams(cluster, papers_of(identities, "n2"), there.receive)) as address:
        asker = Streams(cluster, papers_of(identities, "n3"), Ear().receive)
        assert await asker.ask(address, SUMS) is Ending.BROKEN
    assert there.frames == []


@pytest.mark.parametrize(
    "noise",
    [b"\xff\xff\xff\xff", b"\x00\x00\x00\x05\xff\xff\xff\xff\xff", b"\x00\x00\x00\x05ab", b""],
    ids=["too long", "no message", "cut", "nothing"],
)
async def test_noise_ends_its_own_stream_and_no_other(noise: bytes) -> None:
    there = Ear(lambda _frame: iter([part(1)]))
    streams = Streams("c", None, there.receive)
    async with listening(streams) as address:
        host, port = address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(noise)
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
        assert await Streams("c", None, Ear().receive).ask(address, SUMS) is Ending.WELL
    assert there.frames == [SUMS]
    assert streams.broken == (1 if noise else 0)


async def test_more_streams_than_the_most_are_refused_at_the_door(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listener, "SERVED_MAX", 1)
    streams = Streams("c", None, Ear(lambda _frame: iter([part(1)])).receive)
    async with listening(streams) as address:
        host, port = address.split(":")
        _, first = await asyncio.open_connection(host, int(port))
        asker = Streams("c", None, Ear().receive)
        assert await asker.ask(address, SUMS) is Ending.BROKEN
        first.close()
        await first.wait_closed()
        async with asyncio.timeout(10):
            while await asker.ask(address, SUMS) is not Ending.WELL:
                await asyncio.sleep(0)


async def test_new_papers_are_shown_on_new_streams() -> None:
    ours, other = SwarmIdentities(), SwarmIdentities()
    cluster = ours.of("n2", NODE_ROLE_WORKER).cluster_id
    server = Streams(cluster, papers_of(other, "n2"), Ear().receive)
    async with listening(server) as address:
        asker = Streams(cluster, papers_of(ours, "n1"), Ear().receive)
        assert await asker.ask(address, SUMS) is Ending.BROKEN
        server.set_papers(papers_of(ours, "n2"))
        assert await asker.ask(address, SUMS) is Ending.WELL
