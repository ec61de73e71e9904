"""A member that lost its disk has forgotten what it promised: nothing it says counts."""

from __future__ import annotations

import asyncio

import pytest

from swarmpy.errors import SwarmPyError, WrongState
from swarmpy.pb.raft_pb2 import RaftFrame, RaftPing
from swarmpy.raft.log_ids import LogIds
from swarmpy.testing.faulty_disk import FaultyDisk
from tests.raft.cluster import Cluster, Manager, simulate
from tests.raft.test_log import make_disk, opened


async def start_three(cluster: Cluster) -> Manager:
    """Return the leader of a, b and c, once everybody's log is noted."""
    await cluster.start("abc")
    leader = await cluster.leader()
    await leader.node.propose(b"first")
    await cluster.until(lambda: all(map(has_noted_all, cluster.managers.values())))
    return leader


def has_noted_all(manager: Manager) -> bool:
    return all(voter.log_id for voter in manager.node._log.members.values())


async def wipe(manager: Manager) -> None:
    """Lose power and the whole disk, and come back under the same id."""
    await manager.crash()
    manager.disk = FaultyDisk(manager.cluster.rng, manager.cluster.clock, sync_s=0.002)
    await manager.start()


async def is_accepted(leader: Manager, word: bytes) -> bool:
    try:
        async with asyncio.timeout(5):
            await leader.node.propose(word)
    except (SwarmPyError, TimeoutError):
        return False
    return True


def test_the_log_ids_of_first_members_are_noted_and_outlive_restarts() -> None:
    async def scenario(cluster: Cluster) -> None:
        await start_three(cluster)
        noted = {name: m.node._log.log_id for name, m in cluster.managers.items()}
        assert len({0, *noted.values()}) == 4
        await cluster.crash_all()
        for manager in cluster.managers.values():
            await manager.start()
        leader = await cluster.leader()
        assert await is_accepted(leader, b"again")
        members = leader.node._log.members
        assert {name: voter.log_id for name, voter in members.items()} == noted

    simulate(scenario)


def test_a_wiped_member_is_refused_until_it_was_removed_and_has_joined_anew() -> None:
    async def scenario(cluster: Cluster) -> None:
        leader = await start_three(cluster)
        wiped = next(m for m in cluster.managers.values() if m is not leader)
        await wipe(wiped)
        assert await is_accepted(leader, b"with the third")
        await asyncio.sleep(5)
        assert wiped.machine.words == []
        assert wiped.name not in leader.node.reachable()
        with pytest.raises(WrongState, match="has lost its log"):
            await leader.node.add_member(wiped.name, wiped.address)

        await leader.node.remove_member(wiped.name)
        await leader.node.add_member(wiped.name, wiped.address)
        await cluster.settle()
        assert wiped.machine.words == ["first", "with the third"]

    simulate(scenario)


def test_what_a_wiped_member_acknowledges_makes_no_majority() -> None:
    async def scenario(cluster: Cluster) -> None:
        leader = await start_three(cluster)
        wiped, other = (m for m in cluster.managers.values() if m is not leader)
        await wipe(wiped)
        await other.crash()
        assert not await is_accepted(leader, b"alone")
        await other.start()
        assert await is_accepted(await cluster.leader(), b"with the other")

    simulate(scenario)


@pytest.mark.parametrize("seed", range(5))
def test_a_wiped_member_elects_nobody_who_lacks_what_it_had_acknowledged(seed: int) -> None:
    async def scenario(cluster: Cluster) -> None:
        leader = await start_three(cluster)
        wiped, behind = (m for m in cluster.managers.values() if m is not leader)
        cluster.cut_off(behind.name)
        await leader.node.propose(b"acknowledged")
        await leader.crash()
        await wipe(wiped)
        cluster.network.heal()
        await asyncio.sleep(20)
        assert cluster.leaders() == []
        await leader.start()
        assert (await cluster.leader()).machine.words == ["first", "acknowledged"]

    simulate(scenario, seed=seed)


def test_a_member_that_moves_keeps_its_log() -> None:
    async def scenario(cluster: Cluster) -> None:
        leader = await start_three(cluster)
        other = next(m for m in cluster.managers.values() if m is not leader)
        before = leader.node._log.members[other.name].log_id
        await leader.node.add_member(other.name, "elsewhere:4242")
        assert leader.node._log.members[other.name].log_id == before

    simulate(scenario)


def test_a_frame_carries_its_senders_log_whatever_else_it_says() -> None:
    log = opened(make_disk())
    sent: list[bytes] = []

    def send(_peer: str, frame: bytes) -> bool:
        sent.append(frame)
        return True

    LogIds("a", log).marking(send)("b", RaftFrame(term=3, ping=RaftPing()).SerializeToString())
    assert RaftFrame.FromString(sent[0]) == RaftFrame(term=3, ping=RaftPing(), log_id=log.log_id)
