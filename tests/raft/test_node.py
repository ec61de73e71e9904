"""What a cluster of managers promises, whatever happens to some of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from swarmpy.errors import InvalidInput, NotLeader, OutcomeUnknown, Unavailable
from swarmpy.raft.append import Append
from swarmpy.raft.frames import encode_append
from swarmpy.raft.settings import RaftSettings
from swarmpy.seams import Leadership
from tests.raft.cluster import Cluster, Manager, simulate
from tests.raft.lone import Lone, alone


async def write(manager: Manager, prefix: str, count: int) -> list[str]:
    """Propose words at once; return those that were acknowledged."""

    async def one(word: str) -> str:
        await manager.node.propose(word.encode())
        return word

    words = (one(f"{prefix}{number}") for number in range(count))
    results = await asyncio.gather(*words, return_exceptions=True)
    return [result for result in results if isinstance(result, str)]


def test_one_manager_leads_and_applies_what_it_is_given() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("a")
        leader = await cluster.leader()
        assert await leader.node.propose(b"hello") == leader.machine.last_index
        assert leader.machine.words == ["hello"]
        assert leader.node.members() == {"a": "a:4242"}

    simulate(scenario)


@pytest.mark.parametrize("names", ["abc", "abcde"])
def test_managers_elect_one_leader_and_apply_the_same(names: str) -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start(names)
        leader = await cluster.leader()
        assert len(await write(leader, "word", 20)) == 20
        await cluster.settle()
        assert len(cluster.leaders()) == 1
        assert len(leader.machine.words) == 20
        for manager in cluster.managers.values():
            assert manager.node.leadership.leader_id == leader.name
            assert manager.node.reachable() == frozenset(names)

    simulate(scenario)


def test_a_follower_refuses_writes_and_reads_and_names_the_leader() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("abc")
        leader = await cluster.leader()
        await cluster.settle()
        follower = next(m for m in cluster.managers.values() if m is not leader)
        with pytest.raises(NotLeader) as refused:
            await follower.node.propose(b"x")
        assert refused.value.leader == leader.address
        with pytest.raises(NotLeader):
            await follower.node.read_barrier()

    simulate(scenario)


def test_a_write_larger_than_the_limit_is_refused_and_one_as_large_is_not() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("abc")
        leader = await cluster.leader()
        limit = RaftSettings().proposal_bytes
        await leader.node.propose(b"x" * limit)
        with pytest.raises(InvalidInput):
            await leader.node.propose(b"x" * (limit + 1))
        await cluster.settle()

    simulate(scenario)


def test_writes_resume_within_five_seconds_of_the_death_of_the_leader() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("abc")
        leader = await cluster.leader()
        await leader.node.propose(b"before")
        cluster.network.crash(leader.name)
        await leader.crash()
        died_at = cluster.clock.monotonic()
        await (await cluster.leader()).node.propose(b"after")
        assert cluster.clock.monotonic() - died_at < 5.0

    for seed in range(5):
        simulate(scenario, seed=seed)


def test_a_leader_whose_links_broke_is_replaced_within_a_second() -> None:
    outages: list[float] = []

    async def scenario(cluster: Cluster) -> None:
        await cluster.start("abcde")
        leader = await cluster.leader()
        await leader.node.propose(b"before")
        await leader.stop()
        died_at = cluster.clock.monotonic()
        await (await cluster.leader()).node.propose(b"after")
        outages.append(cluster.clock.monotonic() - died_at)

    for seed in range(9):
        simulate(scenario, seed=seed)
    assert sorted(outages)[len(outages) // 2] < 1.0


def test_a_follower_whose_link_to_its_leader_broke_alone_deposes_nobody() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("abc")
        leader = await cluster.leader()
        await cluster.settle()
        term = leader.node.leadership.term
        lonely = next(m for m in cluster.managers.values() if m is not leader)
        for _ in range(10):
            cluster.network.partition(leader.name, lonely.name)
            await asyncio.sleep(1)
            cluster.network.heal()
            await asyncio.sleep(1)
        await leader.node.propose(b"x")
        await cluster.settle()
        assert leader.is_leader
        assert leader.node.leadership.term == term

    simulate(scenario)


@pytest.mark.parametrize("slow", ["a", "ab", "abc"])
def test_a_write_is_acknowledged_only_when_a_majority_holds_it_durably(slow: str) -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("abc")
        leader = await cluster.leader()
        for name in slow:
            cluster[name].disk.sync_s = cluster.rng.uniform(0.1, 0.5)
        for number in range(10):
            index = await leader.node.propose(str(number).encode())
            held = [m.node._log.durable_index >= index for m in cluster.managers.values()]
            assert sum(held) >= 2
        await cluster.crash_all()
        for manager in cluster.managers.values():
            await manager.start()
        await cluster.leader()
        await cluster.settle()
        assert leader.machine.words == [str(number) for number in range(10)]

    for seed in range(3):
        simulate(scenario, seed=seed)


@pytest.mark.parametrize("seed", range(4))
def test_what_was_acknowledged_survives_a_power_cut_of_all(seed: int) -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("abc")
        acknowledged: list[str] = []
        for round_number in range(3):
            leader = await cluster.leader()
            writing = asyncio.get_running_loop().create_task(
                write(leader, f"round{round_number}-", 40)
            )
            await asyncio.sleep(cluster.rng.uniform(0.0, 0.02))
            await cluster.crash_all()
            acknowledged += await writing
            for manager in cluster.managers.values():
                await manager.start()
        leader = await cluster.leader()
        acknowledged += await write(leader, "last", 1)
        await cluster.settle()
        assert set(acknowledged) <= set(leader.machine.words)
        assert len(set(leader.machine.words)) == len(leader.machine.words)

    simulate(scenario, seed=seed)


@pytest.mark.parametrize("seed", range(6))
def test_no_acknowledged_write_is_lost_or_doubled_while_managers_come_and_go(seed: int) -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("abc")
        acknowledged: list[str] = []
        for step in range(12):
            leaders = cluster.leaders() or [await cluster.leader()]
            for leader in leaders:
                acknowledged += await write(leader, f"{leader.name}{step}-", 30)
            await _disturb(cluster)
        cluster.network.heal()
        for manager in cluster.managers.values():
            if not manager.is_up:
                await manager.start()
        acknowledged += await write(await cluster.leader(), "last", 1)
        await cluster.settle()
        for manager in cluster.managers.values():
            assert manager.failure is None
            assert set(acknowledged) <= set(manager.machine.words)
            assert len(set(manager.machine.words)) == len(manager.machine.words)

    simulate(scenario, seed=seed)


async def _disturb(cluster: Cluster) -> None:
    manager = cluster.managers[cluster.rng.choice("abc")]
    match cluster.rng.choice(["crash", "cut", "slow", "heal"]):
        case "crash" if manager.is_up:
            cluster.network.crash(manager.name)
            await manager.crash()
            await asyncio.sleep(cluster.rng.uniform(0.0, 2.0))
            cluster.network.restart(manager.name)
            await manager.start()
        case "cut":
            cluster.network.heal()
            cluster.cut_off(manager.name)
        case "slow":
            manager.disk.sync_s = cluster.rng.uniform(0.0, 0.3)
        case _:
            cluster.network.heal()
    await asyncio.sleep(cluster.rng.uniform(0.0, 3.0))


def test_a_leader_cut_off_steps_down_and_ends_every_write() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("abc")
        leader = await cluster.leader()
        cluster.cut_off(leader.name)
        written = leader.node.propose(b"lost?")
        with pytest.raises(OutcomeUnknown):
            await written
        assert not leader.is_leader
        with pytest.raises(NotLeader):
            await leader.node.propose(b"too late")

    simulate(scenario)


def test_more_writes_than_may_wait_get_their_turn_and_each_ends_when_the_lead_is_lost() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("abc")
        leader = await cluster.leader()
        words = [f"word{number}" for number in range(50)]
        await asyncio.gather(*(leader.node.propose(word.encode()) for word in words))
        assert sorted(leader.machine.words) == sorted(words)
        cluster.cut_off(leader.name)
        late = [leader.node.propose(b"late") for _ in range(50)]
        ends = await asyncio.gather(*late, return_exceptions=True)
        assert all(isinstance(end, Unavailable) for end in ends)
        assert {type(end) for end in ends} == {OutcomeUnknown, NotLeader}

    simulate(scenario, settings=RaftSettings(proposals_waiting=4))


def test_a_leader_that_others_have_replaced_refuses_to_read() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("abc")
        leader = await cluster.leader()
        await leader.node.read_barrier()
        cluster.cut_off(leader.name)
        assert leader.is_leader
        with pytest.raises(NotLeader):
            await leader.node.read_barrier()

    simulate(scenario)


def test_a_manager_that_was_cut_off_deposes_nobody_when_it_returns() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("abc")
        leader = await cluster.leader()
        await cluster.settle()
        term = leader.node.leadership.term
        lonely = next(m for m in cluster.managers.values() if m is not leader)
        cluster.cut_off(lonely.name)
        await asyncio.sleep(30)
        cluster.network.heal()
        await leader.node.propose(b"x")
        await cluster.settle()
        assert leader.is_leader
        assert lonely.node.leadership.term == leader.node.leadership.term == term

    simulate(scenario)


def test_reads_wait_until_what_was_acknowledged_before_is_applied() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("abc")
        leader = await cluster.leader()
        for number in range(20):
            await leader.node.propose(str(number).encode())
            await asyncio.gather(*(leader.node.read_barrier() for _ in range(5)))
            assert leader.machine.words[-1] == str(number)

    simulate(scenario)


def test_a_watcher_of_the_lead_sees_what_holds_and_then_each_change() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("a")
        watching: AsyncIterator[Leadership] = cluster["a"].node.watch_leadership()
        seen = [await anext(watching)]
        while not seen[-1].is_self:
            seen.append(await anext(watching))
        await cluster["a"].stop()
        seen.append(await anext(watching))
        assert [s.is_self for s in seen] == [False, False, True, False]
        assert [s.leader_id for s in seen] == [None, "a", "a", None]

    simulate(scenario)


def test_the_lead_is_handed_over_when_asked_for() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("abc")
        leader = await cluster.leader()
        await cluster.settle()
        began_at = cluster.clock.monotonic()
        await leader.node.transfer_leadership()
        successor = await cluster.leader()
        assert successor is not leader
        assert cluster.clock.monotonic() - began_at < 0.5
        await successor.node.propose(b"x")

    simulate(scenario)


def test_each_write_has_one_end_while_the_lead_is_handed_over() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("abc")
        leader = await cluster.leader()
        await cluster.settle()
        loop = asyncio.get_running_loop()
        appended = loop.create_task(write(leader, "appended", 500))
        await asyncio.sleep(0.001)
        handing = loop.create_task(leader.node.transfer_leadership())
        await asyncio.sleep(0)
        queued = loop.create_task(write(leader, "queued", 50))
        await handing
        successor = await cluster.leader()
        assert successor is not leader
        assert len(await appended) == 500
        assert await queued == []
        await cluster.settle()
        assert set(await appended) == set(successor.machine.words)

    simulate(scenario)


def test_appends_that_come_together_are_synced_and_acknowledged_as_one() -> None:
    async def scenario(lone: Lone) -> None:
        await lone.start()
        await lone.hear_append((2, 0), range(3, 4), term=1)
        synced, acknowledged = lone.disk.synced, len(lone.said("append_reply"))
        appends = [encode_append(1, Append(i - 1, 1, [(b"\x00", i, 1)], 0)) for i in (4, 5, 6)]
        lone.network.on_frames("a", appends)
        await asyncio.sleep(0.01)
        replies = [frame.append_reply for _, frame in lone.said("append_reply")[acknowledged:]]
        assert [reply.match_index for reply in replies] == [6]
        assert lone.disk.synced == synced + 1

    alone(scenario)


def test_garbage_frames_are_dropped() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("abc")
        leader = await cluster.leader()
        term = leader.node.leadership.term
        for garbage in (b"", b"\x80\x04cos\nsystem\n", bytes(100), cluster.rng.randbytes(500)):
            for manager in cluster.managers.values():
                manager.node._on_frames(leader.name, [garbage])
                manager.node._on_frames("stranger", [garbage])
        await leader.node.propose(b"still here")
        await cluster.settle()
        assert leader.node.leadership.term == term

    simulate(scenario)


def test_one_seed_always_gives_the_same_run() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("abc")
        leader = await cluster.leader()
        await write(leader, "w", 100)
        await leader.crash()
        await write(await cluster.leader(), "v", 100)
        runs.append((cluster.clock.monotonic(), leader.name, cluster.rng.random()))

    runs: list[tuple[float, str, float]] = []
    for seed in (7, 7, 8):
        simulate(scenario, seed=seed)
    assert runs[0] == runs[1] != runs[2]
