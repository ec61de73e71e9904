"""A snapshot travels in pieces, and goes on where it was when something broke."""

from __future__ import annotations

import asyncio

import google_crc32c
import pytest

from swarmpy.pb.raft_pb2 import RaftSnapshotChunk, RaftSnapshotHeader
from swarmpy.raft.settings import RaftSettings
from swarmpy.raft.snapshot_file import StoredSnapshot
from swarmpy.raft.transfer import Incoming, Outgoing
from tests.raft.cluster import Cluster, Manager, simulate

STATE = bytes(range(250))
SMALL_PIECES = RaftSettings(snapshot_entries=50, snapshot_keep=10, snapshot_chunk_bytes=200)


def stored(state: bytes = STATE, *, index: int = 7, stored_in: int = 64) -> StoredSnapshot:
    header = RaftSnapshotHeader(
        index=index, term=2, state_bytes=len(state), state_crc32c=google_crc32c.value(state)
    )
    starts = list(range(0, len(state), stored_in))
    return StoredSnapshot(header, starts, lambda n: state[n * stored_in :][:stored_in], 1)


def carry(outgoing: Outgoing, incoming: Incoming, pieces: int = 1000) -> int:
    """Return how many pieces went over, at most so many."""
    went = 0
    while not outgoing.is_over and went < pieces:
        outgoing.sent_at = 0.0
        outgoing.asked_for(incoming.take(outgoing.chunk()))
        went += 1
    return went


@pytest.mark.parametrize("stored_in", [1, 64, 999])
@pytest.mark.parametrize("piece", [1, 10, 64, 100, 999])
def test_every_byte_arrives_whatever_the_pieces(piece: int, stored_in: int) -> None:
    incoming = Incoming(1000)
    carry(Outgoing(stored(stored_in=stored_in), piece), incoming)
    snapshot = incoming.finish()
    assert snapshot is not None
    assert (snapshot.index, snapshot.term, b"".join(snapshot.state)) == (7, 2, STATE)


def test_an_empty_state_arrives_too() -> None:
    incoming = Incoming(1000)
    assert carry(Outgoing(stored(b""), 10), incoming) == 1
    assert incoming.finish() is not None


def test_another_sender_of_the_same_snapshot_goes_on_where_the_first_was() -> None:
    incoming = Incoming(1000)
    carry(Outgoing(stored(stored_in=250), 50), incoming, pieces=3)
    assert carry(Outgoing(stored(stored_in=100), 50), incoming) == 3
    assert incoming.finish() is not None


@pytest.mark.parametrize(
    "other",
    [stored(STATE[::-1]), stored(index=8)],
    ids=["another checksum", "another index"],
)
def test_another_snapshot_begins_anew(other: StoredSnapshot) -> None:
    incoming = Incoming(1000)
    carry(Outgoing(stored(), 50), incoming, pieces=3)
    assert incoming.take(Outgoing(other, 50).chunk()) == 50


def test_a_piece_that_comes_twice_or_too_early_is_left_aside() -> None:
    incoming = Incoming(1000)
    outgoing = Outgoing(stored(stored_in=100), 100)
    assert incoming.take(outgoing.chunk()) == 100
    assert incoming.take(outgoing.chunk()) == 100
    outgoing.asked_for(200)
    assert incoming.take(outgoing.chunk()) == 100


def test_what_is_larger_than_the_limit_or_than_it_says_is_not_gathered() -> None:
    assert carry(Outgoing(stored(), 100), Incoming(150), pieces=9) == 9
    header = RaftSnapshotHeader(index=7, state_bytes=10)
    assert Incoming(1000).take(RaftSnapshotChunk(header=header, data=bytes(11))) == 0


def test_a_state_that_is_not_what_its_checksum_says_is_dropped() -> None:
    incoming = Incoming(1000)
    header = RaftSnapshotHeader(index=7, state_bytes=3, state_crc32c=1)
    assert incoming.take(RaftSnapshotChunk(header=header, data=b"abc")) == 3
    assert incoming.finish() is None
    assert incoming.size == 0


async def _receiving(cluster: Cluster) -> tuple[Manager, Manager]:
    """Return a leader and a manager that has got some of a snapshot from it."""
    await cluster.start("abc")
    leader = await cluster.leader()
    away = next(m for m in cluster.managers.values() if m is not leader)
    await away.stop()
    for number in range(100):
        await leader.node.propose(f"{number} {'x' * 1000}".encode())
    await asyncio.sleep(1)
    await away.start()
    await cluster.until(lambda: _received(away) > 2000)
    return leader, away


def _received(manager: Manager) -> int:
    return manager.node._member._follower._incoming.size


async def _never_less(cluster: Cluster, manager: Manager, received: int) -> None:
    """Wait until a snapshot is installed, and see to it that none of it was lost meanwhile."""

    sizes = [received]

    def installed() -> bool:
        sizes.append(_received(manager))
        return manager.machine.restored > 0

    await cluster.until(installed)
    while sizes[-1] == 0:
        sizes.pop()
    assert sizes == sorted(sizes)


def test_a_broken_link_costs_no_piece_that_has_arrived() -> None:
    async def scenario(cluster: Cluster) -> None:
        leader, away = await _receiving(cluster)
        cluster.cut_off(away.name)
        await asyncio.sleep(0.1)
        received = _received(away)
        await asyncio.sleep(3)
        assert received == _received(away) > 2000
        cluster.network.heal()
        await _never_less(cluster, away, received)
        await leader.node.propose(b"last")
        await cluster.settle()

    simulate(scenario, settings=SMALL_PIECES)


def test_another_leader_goes_on_with_the_same_snapshot() -> None:
    async def scenario(cluster: Cluster) -> None:
        leader, away = await _receiving(cluster)
        await leader.crash()
        received = _received(away)
        assert received > 2000
        await _never_less(cluster, away, received)
        await cluster.leader()
        await cluster.settle()

    simulate(scenario, settings=SMALL_PIECES)
