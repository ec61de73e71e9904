"""What stock pysyncobj 0.3.17 does to those who use it, and to whom it listens: shown on it,
and shown not to happen here.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import zlib
from types import SimpleNamespace
from typing import Any

import pysyncobj.pickle
import pytest
from pysyncobj.tcp_connection import TcpConnection

from swarmpy.errors import InvalidInput, NotLeader, OutcomeUnknown
from swarmpy.raft.peer_link import PeerLink
from swarmpy.raft.settings import RaftSettings
from swarmpy.task_group import TaskGroup
from swarmpy.testing.memory_network import MemoryNetwork
from swarmpy.testing.memory_peers import MemoryPeerNetwork
from swarmpy.testing.raft_sim.quorum import Quorum
from swarmpy.testing.virtual_loop import run
from tests.raft.cluster import Cluster, Words, simulate
from tests.raft.lone import Lone, alone
from tests.raft.stock import SUCCESS, Stock, stock_append


class TestALeaderThatWasPausedServesNothingStale:
    def test_stock_says_it_leads_and_shows_what_it_had(self) -> None:
        stock = Stock("LFG")
        stock.elect("L")
        stock.cut_off("L")
        stock.elect("G")
        outcomes = stock.say("G", "new")
        stock.run()
        assert outcomes == [SUCCESS]
        assert stock.core["L"]._isLeader()
        assert stock.core["L"].words == []

    def test_here_it_refuses_to_read(self) -> None:
        async def main(_rng: random.Random) -> None:
            async with TaskGroup() as tasks:
                quorum = Quorum(1, tasks)
                await quorum.start()
                paused = await quorum.settled()
                assert paused is not None
                paused.pause()
                while (leader := quorum.leader()) in {None, paused}:
                    await asyncio.sleep(0.05)
                assert leader is not None
                assert paused.leads
                paused.resume()
                answer = await paused.serve(lambda node: node.read_barrier())
                assert isinstance(answer, NotLeader)
                await quorum.stop()

        run(main, 1)


class TestEveryWriteEndsThoughASnapshotGoesOverIt:
    def test_stock_never_calls_back(self) -> None:
        stock = Stock("LFG")
        stock.elect("L")
        stock.cut_off("L")
        outcomes = stock.say("L", "lost")
        dump: tuple[object, ...] = (None, (b"\x01", 10, 2), (b"\x01", 9, 2), [])
        serializer = stock.core["L"]._SyncObj__serializer
        serializer.setTransmissionData = lambda _data: True
        serializer.deserialize = lambda: dump
        snapshot = {"type": "append_entries", "term": 2, "serialized": "all", "commit_index": 10}
        stock.receive("L", "G", snapshot)
        stock.run()
        assert stock.core["L"].raftLastApplied == 10
        assert outcomes == []

    def test_here_its_outcome_is_unknown(self) -> None:
        async def scenario(cluster: Cluster) -> None:
            await cluster.start("abc")
            leader = await cluster.leader()
            await cluster.settle()
            cluster.cut_off(leader.name)
            lost = asyncio.get_running_loop().create_task(leader.node.propose(b"lost"))
            others = [m for m in cluster.managers.values() if m is not leader]
            await cluster.until(lambda: any(m.is_leader for m in others))
            successor = next(m for m in others if m.is_leader)
            for number in range(200):
                await successor.node.propose(str(number).encode())
            cluster.network.heal()
            await cluster.settle()
            assert leader.machine.restored >= 1
            assert lost.done()
            with pytest.raises(OutcomeUnknown):
                await lost

        simulate(scenario)


class Picky(Words):
    """Breaks its promise never to raise."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def apply(self, index: int, entry: bytes) -> None:
        self.calls += 1
        raise ValueError("bad input")


class TestAnEntryThatCannotBeAppliedIsNotTriedForEver:
    def test_stock_tries_it_each_tick_and_nothing_else_is_done(self) -> None:
        stock = Stock("LFG")
        stock.elect("L")
        core = stock.core["L"]
        core.fail(callback=lambda _result, _error: None)
        core._checkCommandsToApply()
        stock.deliver("L", "F")
        stock.deliver("F", "L")
        later = stock.say("L", "later")
        for _ in range(5):
            with pytest.raises(ValueError, match="bad input"):
                core.doTick(0)
        assert core.calls == 5
        assert later == []

    def test_here_the_process_ends_with_the_bug(self) -> None:
        async def scenario(lone: Lone) -> None:
            lone.machine = machine = Picky()
            await lone.start({"b": "b:4242"})
            while not lone.node.leadership.is_self:
                await asyncio.sleep(0.05)
            serving = asyncio.get_running_loop().create_task(lone.node.propose(b"x"))
            with pytest.raises(ValueError, match="bad input"):
                await lone.running
            assert machine.calls == 1
            with pytest.raises(OutcomeUnknown):
                await serving
            lone.running = asyncio.get_running_loop().create_task(asyncio.sleep(0))

        alone(scenario)


class TestAnEntryIsAppliedOnceWhateverItsProposerDoes:
    def test_stock_applies_it_again_when_a_callback_raises(self) -> None:
        def raises_once(_result: object, _error: object) -> None:
            if not raised:
                raised.append(True)
                raise RuntimeError("a bug of the caller")

        raised: list[bool] = []
        stock = Stock("LFG")
        stock.elect("L")
        stock.core["L"].say("once", callback=raises_once)
        with pytest.raises(RuntimeError):
            stock.run()
        stock.run()
        assert stock.core["L"].words == ["once", "once"]
        assert stock.core["F"].words == ["once"]

    def test_here_it_is_applied_once(self) -> None:
        def raises(_task: asyncio.Task[int]) -> None:
            raise RuntimeError("a bug of the caller")

        async def scenario(cluster: Cluster) -> None:
            loop = asyncio.get_running_loop()
            complaints: list[dict[str, Any]] = []
            loop.set_exception_handler(lambda _loop, context: complaints.append(context))
            await cluster.start("abc")
            leader = await cluster.leader()
            loop.create_task(leader.node.propose(b"raises")).add_done_callback(raises)
            gone = loop.create_task(leader.node.propose(b"gone"))
            await asyncio.sleep(0)
            gone.cancel()
            await leader.node.propose(b"last")
            await cluster.settle()
            assert leader.machine.words == ["raises", "gone", "last"]
            assert len(complaints) == 1

        simulate(scenario)


class TestALargeEntryTravelsWhole:
    def test_stock_ends_it_a_piece_too_early_and_raises_for_each(self) -> None:
        stock = Stock("LFG")
        stock.elect("L")
        stock.say("L", "\n" * 100_000)
        with pytest.raises(SyntaxError):
            stock.deliver("L", "F")

    def test_here_it_arrives_at_once(self) -> None:
        async def scenario(cluster: Cluster) -> None:
            await cluster.start("abc")
            leader = await cluster.leader()
            await cluster.settle()
            began_s = cluster.clock.monotonic()
            await leader.node.propose(b"x" * 500_000)
            assert cluster.clock.monotonic() - began_s < 0.05
            await cluster.settle()

        settings = RaftSettings(append_bytes=65536, snapshot_entries=50, snapshot_keep=10)
        simulate(scenario, settings=settings)


def stock_connection(received: bytes) -> Any:
    connection = TcpConnection(SimpleNamespace(unsubscribe=lambda _descriptor: None))
    connection._TcpConnection__readBuffer = received
    return connection


PICKLED = b"cos\nsystem\n(S'true'\ntR."


class TestNothingFromThePortIsUnpickled:
    def test_stock_unpickles_what_anybody_sends(self, monkeypatch: pytest.MonkeyPatch) -> None:
        opened: list[bytes] = []
        monkeypatch.setattr(pysyncobj.pickle, "loads", opened.append)
        data = zlib.compress(PICKLED)
        stock_connection(struct.pack("i", len(data)) + data)._TcpConnection__processParseMessage()
        assert opened == [PICKLED]

    @pytest.mark.parametrize("data", [PICKLED, zlib.compress(PICKLED)], ids=["plain", "packed"])
    def test_here_it_is_dropped(self, data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        async def scenario(lone: Lone) -> None:
            await lone.start()
            lone.network.on_frames("stranger", [data])
            await asyncio.sleep(0.1)
            assert not lone.running.done()

        opened: list[bytes] = []
        monkeypatch.setattr(pysyncobj.pickle, "loads", opened.append)
        alone(scenario)
        assert opened == []


class TestAFrameHasALimit:
    HEADER = struct.pack(">I", 1_900_000_000)

    def test_stock_waits_for_two_gigabytes(self) -> None:
        connection = stock_connection(struct.pack("i", 1_900_000_000) + bytes(1000))
        assert connection._TcpConnection__processParseMessage() is None
        assert len(connection._TcpConnection__readBuffer) == 1004

    async def test_here_the_link_ends(self) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            theirs.send(self.HEADER + bytes(1000))
            loop = asyncio.get_running_loop()
            transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
            with pytest.raises(InvalidInput, match="longer than"):
                await PeerLink("peer", transport, preferred=True).live(lambda *_: None)


class TestOneLinkToAPeerIsLive:
    def test_stock_takes_messages_of_any_connection(self) -> None:
        stock = Stock("LF")
        stock.receive("F", "L", stock_append(1, 9))
        on_the_old_connection = stock_append(1, 3)
        stock.receive("F", "L", on_the_old_connection)
        assert stock.log("F")[-1] == 3

    def test_here_the_newest_one(self) -> None:
        async def main(rng: random.Random) -> None:
            network = MemoryNetwork(rng)
            for name in "ab":
                network.add_host(name)
            heard: list[bytes] = []
            ear = MemoryPeerNetwork(network, "a", "a:1")
            ear.set_handlers(lambda _peer, frames: heard.extend(frames), lambda _peer, _up: None)
            await ear.start()
            old, new = [await network.connect("b", "a:1") for _ in range(2)]
            for end in (old, new):
                end.send("b")
                await asyncio.sleep(0.1)
            old.send(b"old")
            new.send(b"new")
            await asyncio.sleep(0.1)
            assert heard == [b"new"]
            await ear.close()

        run(main, 1)
