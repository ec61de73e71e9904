"""Managers come and go one at a time, and the log goes with them."""

from __future__ import annotations

import asyncio

import pytest

from swarmpy.errors import NotLeader, OutcomeUnknown, TimedOut, Unavailable, WrongState
from swarmpy.raft.settings import RaftSettings
from swarmpy.testing.memory_network import DETECTION_S
from tests.raft.cluster import Cluster, Manager, simulate


async def join(cluster: Cluster, name: str) -> Manager:
    """Start a manager that knows nothing yet, and let the leader add it."""
    leader = await cluster.leader()
    newcomer = cluster.add(name)
    await newcomer.start()
    await leader.node.add_member(name, newcomer.address)
    return newcomer


@pytest.mark.parametrize("newcomer_name", ["b", "A"], ids=["greater id", "smaller id"])
def test_an_empty_manager_gets_the_log_and_then_a_vote(newcomer_name: str) -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("a")
        leader = await cluster.leader()
        for number in range(20):
            await leader.node.propose(str(number).encode())
        newcomer = await join(cluster, newcomer_name)
        await cluster.settle()
        assert newcomer.machine.words == [str(number) for number in range(20)]
        assert newcomer.machine.restored == 0
        assert newcomer.node.members() == leader.node.members() == cluster.addresses()

    simulate(scenario)


def test_an_empty_manager_gets_a_snapshot_when_the_log_no_longer_reaches_back() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("a")
        leader = await cluster.leader()
        for number in range(200):
            await leader.node.propose(str(number).encode())
        newcomer = await join(cluster, "b")
        await leader.node.propose(b"last")
        await cluster.settle()
        assert newcomer.machine.restored == 1
        await cluster.crash_all()
        for manager in cluster.managers.values():
            await manager.start()
        assert (await cluster.leader()).machine.words[-1] == "last"

    simulate(scenario)


def test_a_snapshot_of_many_pieces_arrives_though_the_link_breaks() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("abc")
        leader = await cluster.leader()
        away = next(m for m in cluster.managers.values() if m is not leader)
        await away.stop()
        for number in range(100):
            await leader.node.propose(f"{number} {'x' * 1000}".encode())
        await away.start()
        await asyncio.sleep(0.3)
        cluster.network.partition(leader.name, away.name)
        await asyncio.sleep(10)
        cluster.network.heal()
        await cluster.settle()
        assert away.machine.restored >= 1

    settings = RaftSettings(snapshot_entries=50, snapshot_keep=10, snapshot_chunk_bytes=500)
    simulate(scenario, settings=settings)


def test_a_manager_that_nobody_has_added_stays_silent() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("a")
        leader = await cluster.leader()
        waiting = cluster.add("b")
        await waiting.start()
        await asyncio.sleep(60)
        assert waiting.node.members() == {}
        assert waiting.node.leadership.term == 0
        assert leader.node.leadership.term == 1

    simulate(scenario)


def test_a_newcomer_that_does_not_answer_is_refused_and_stops_nobody() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("a")
        leader = await cluster.leader()
        adding = asyncio.get_running_loop().create_task(leader.node.add_member("z", "a:1"))
        await asyncio.sleep(1)
        await leader.node.propose(b"x")
        with pytest.raises(TimedOut):
            await adding
        assert leader.node.members() == {"a": "a:4242"}
        await leader.node.propose(b"y")

    simulate(scenario)


def test_five_managers_grow_out_of_one_and_shrink_back() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("a")
        for name in "bcde":
            await join(cluster, name)
            await (await cluster.leader()).node.propose(name.encode())
        await cluster.settle()
        for name in "bcde":
            leader = await cluster.leader()
            await leader.node.remove_member(name)
            await leader.node.propose(b"without " + name.encode())
        assert cluster["a"].node.members() == {"a": "a:4242"}
        assert cluster["a"].machine.words[:4] == list("bcde")

    simulate(scenario)


def test_a_removed_manager_knows_it_and_stays_silent() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("abc")
        leader = await cluster.leader()
        await cluster.settle()
        removed = next(m for m in cluster.managers.values() if m is not leader)
        await leader.node.remove_member(removed.name)
        assert removed.name not in removed.node.members()
        term = leader.node.leadership.term
        await asyncio.sleep(30)
        assert leader.is_leader
        assert leader.node.leadership.term == term
        assert removed.name not in leader.node.reachable()

    simulate(scenario)


def test_a_leader_that_is_removed_hands_over() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("abc")
        leader = await cluster.leader()
        await cluster.settle()
        await leader.node.remove_member(leader.name)
        assert not leader.is_leader
        successor = await cluster.leader()
        assert successor is not leader
        await successor.node.propose(b"without you")
        assert leader.name not in successor.node.members()
        await asyncio.sleep(30)
        assert successor.is_leader

    simulate(scenario)


def test_a_removed_manager_may_come_back_with_an_empty_disk() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("abc")
        leader = await cluster.leader()
        await cluster.settle()
        name = next(n for n in "abc" if n != leader.name)
        await leader.node.remove_member(name)
        await cluster[name].stop()
        cluster.managers[name] = Manager(name, cluster)
        await cluster[name].start()
        await leader.node.add_member(name, cluster[name].address)
        await leader.node.propose(b"welcome back")
        await cluster.settle()

    simulate(scenario)


def test_the_last_manager_cannot_be_removed() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("a")
        leader = await cluster.leader()
        with pytest.raises(WrongState):
            await leader.node.remove_member("a")
        await leader.node.remove_member("nobody")
        await leader.node.propose(b"x")
        with pytest.raises(Unavailable):
            await leader.node.transfer_leadership()
        await leader.node.propose(b"y")

    simulate(scenario)


def test_only_the_leader_changes_members() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("abc")
        leader = await cluster.leader()
        follower = next(m for m in cluster.managers.values() if m is not leader)
        for change in (
            follower.node.add_member("d", "d:4242"),
            follower.node.remove_member(leader.name),
            follower.node.transfer_leadership(),
        ):
            with pytest.raises(NotLeader):
                await change

    simulate(scenario)


def test_members_are_remembered_across_restarts_from_log_and_from_snapshot() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("a")
        await join(cluster, "b")
        await join(cluster, "c")
        for words in (1, 200):
            leader = await cluster.leader()
            for number in range(words):
                await leader.node.propose(str(number).encode())
            await cluster.settle()
            await cluster.crash_all()
            for manager in cluster.managers.values():
                await manager.start()
                assert manager.node.members() == cluster.addresses()
            await cluster.leader()

    simulate(scenario)


def test_two_changes_at_once_happen_one_after_the_other() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("abc")
        leader = await cluster.leader()
        await cluster.settle()
        newcomers = [cluster.add(name) for name in "de"]
        for newcomer in newcomers:
            await newcomer.start()
        await asyncio.gather(
            *(leader.node.add_member(n.name, n.address) for n in newcomers),
            leader.node.remove_member(next(n for n in "abc" if n != leader.name)),
        )
        assert len(leader.node.members()) == 4
        await leader.node.propose(b"x")

    simulate(scenario)


def test_a_leader_without_a_majority_changes_nothing() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("abcde")
        leader = await cluster.leader()
        await cluster.settle()
        cluster.cut_off(leader.name)
        removals = (leader.node.remove_member(name) for name in "abcde" if name != leader.name)
        results = await asyncio.gather(*removals, return_exceptions=True)
        assert all(isinstance(result, Unavailable) for result in results)
        others = [m for m in cluster.managers.values() if m is not leader]
        await cluster.until(lambda: any(m.is_leader for m in others))
        cluster.network.heal()
        await (await cluster.leader()).node.propose(b"x")
        await cluster.settle()
        assert all(len(m.node.members()) == 5 for m in cluster.managers.values())

    simulate(scenario)


def test_a_manager_that_was_away_follows_a_leader_it_has_never_heard_of() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("bcd")
        leader = await cluster.leader()
        await cluster.settle()
        away = next(m for m in cluster.managers.values() if m is not leader)
        await away.stop()
        newcomer = await join(cluster, "a")
        await cluster.settle()
        await leader.node.transfer_leadership()
        await cluster.until(lambda: newcomer.is_leader)
        await away.start()
        assert newcomer.name not in away.node.members()
        await newcomer.node.propose(b"x")
        await cluster.settle()
        assert newcomer.name in away.node.members()

    simulate(scenario)


def test_a_leader_whose_removal_nobody_else_has_yet_is_elected_once_more_to_finish_it() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("abcd")
        leader = await cluster.leader()
        await cluster.settle()
        dead, *others = (m for m in cluster.managers.values() if m is not leader)
        await dead.stop()
        cluster.cut_off(leader.name)
        with pytest.raises(OutcomeUnknown):
            await leader.node.remove_member(leader.name)
        await asyncio.sleep(DETECTION_S)
        cluster.network.heal()
        await cluster.until(lambda: any(other.is_leader for other in others))
        successor = await cluster.leader()
        assert leader.name not in successor.node.members()
        await successor.node.propose(b"goes on")

    simulate(scenario)
