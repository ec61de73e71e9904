"""What stock pysyncobj 0.3.17 gets wrong about who leads and what is agreed on: shown on it,
and shown not to happen here.
"""

from __future__ import annotations

import asyncio

import pytest

from swarmpy.errors import SwarmPyError, Unavailable
from tests.raft.cluster import SMALL, Cluster, simulate
from tests.raft.lone import Lone, alone
from tests.raft.stock import REQUEST_DENIED, SUCCESS, Stock, dumps, stock_append


class TestAnAppendThatComesAgainTakesNothingBack:
    def test_stock_cuts_entries_that_it_has_acknowledged(self) -> None:
        stock = Stock("LF")
        stock.receive("F", "L", stock_append(1, 9))
        acknowledged = stock.queues["F", "L"][-1]["next_node_idx"] - 1
        stock.receive("F", "L", stock_append(1, 5))
        assert acknowledged == 9
        assert stock.log("F")[-1] == 5

    def test_here_all_of_them_stay(self) -> None:
        async def scenario(lone: Lone) -> None:
            await lone.start()
            await lone.hear_append((2, 0), range(3, 10), term=1)
            assert lone.said("append_reply")[-1][1].append_reply.match_index == 9
            await lone.hear_append((2, 0), range(3, 6), term=1)
            await lone.hear_append((3, 1), range(4, 4), term=1)
            assert lone.log.last_index == lone.log.durable_index == 9

        alone(scenario)


class TestAnAcknowledgementCountsInItsOwnTermOnly:
    def test_stock_counts_one_of_an_earlier_term(self) -> None:
        stock = Stock("LFG")
        stock.elect("L")
        stock.say("L", "x")
        stock.cut("L", "F")
        stock.core["L"]._SyncObj__setState(0)
        stock.elect("L")
        late = {"type": "next_node_idx", "next_node_idx": 4, "reset": False, "success": True}
        stock.receive("L", "F", late)
        held = {node.id: i for node, i in stock.core["L"]._SyncObj__raftMatchIndex.items()}
        assert held["F"] == 3
        assert stock.log("F")[-1] == 2

    def test_here_it_does_not_count(self) -> None:
        async def scenario(lone: Lone) -> None:
            await lone.start()
            term = await lone.lead()
            await lone.hear_ack("a", term - 1, lone.log.last_index)
            assert lone.node._member.replication.durable()["a"] == 0
            await lone.hear_ack("a", term, lone.log.last_index)
            assert lone.node._member.replication.durable()["a"] == lone.log.last_index

        alone(scenario)


class TestAManagerThatResumesDeposesNobody:
    def test_stock_raises_the_term_and_the_leader_steps_down(self) -> None:
        stock = Stock("LFG")
        stock.elect("L")
        stock.campaign("F")
        stock.deliver("F", "L")
        assert not stock.core["L"]._isLeader()

    def test_here_the_leader_leads_on_in_its_term(self) -> None:
        async def scenario(cluster: Cluster) -> None:
            await cluster.start("abc")
            leader = await cluster.leader()
            await cluster.settle()
            term = leader.node.leadership.term
            resumed = next(m for m in cluster.managers.values() if m is not leader)
            resumed.node._member.core.hold_election_at(cluster.clock.monotonic() - 5)
            await asyncio.sleep(5)
            assert leader.is_leader
            assert resumed.node.leadership.term == leader.node.leadership.term == term

        simulate(scenario)


class TestALeaderWithoutAMajorityStepsDownWithinAnElectionTimeout:
    def test_stock_leads_for_half_a_minute(self) -> None:
        stock = Stock("LFG")
        stock.elect("L")
        stock.cut_off("L")
        stock.now += 29
        stock.core["L"].doTick(0)
        assert stock.core["L"]._isLeader()

    def test_here_it_does(self) -> None:
        async def scenario(cluster: Cluster) -> None:
            await cluster.start("abc")
            leader = await cluster.leader()
            cluster.cut_off(leader.name)
            await asyncio.sleep(SMALL.election_min_s + 2 * SMALL.tick_s)
            assert not leader.is_leader
            assert leader.node.leadership.leader_id is None

        simulate(scenario)


class TestMembersChangeOneAtATime:
    def test_stock_lets_a_lonely_leader_remove_all_others_and_acknowledges_a_write(self) -> None:
        stock = Stock("ABCDE", dynamicMembershipChange=True)
        stock.elect("A")
        stock.cut_off("A")
        for name in "EDCB":
            stock.core["A"]._applyCommand(dumps(["rem", name]), None, 2)
        stock.core["A"]._checkCommandsToApply()
        outcomes = stock.say("A", "x")
        stock.core["A"].doTick(0)
        stock.elect("B")
        assert outcomes == [SUCCESS]
        assert stock.core["A"]._isLeader()

    def test_here_a_lonely_leader_changes_and_writes_nothing(self) -> None:
        async def scenario(cluster: Cluster) -> None:
            await cluster.start("abcde")
            leader = await cluster.leader()
            await cluster.settle()
            cluster.cut_off(leader.name)
            others = [name for name in "abcde" if name != leader.name]
            results = await asyncio.gather(
                *(leader.node.remove_member(name) for name in others),
                leader.node.propose(b"x"),
                return_exceptions=True,
            )
            assert all(isinstance(result, Unavailable) for result in results)
            assert len(leader.node.members()) >= 4

        simulate(scenario)


class TestTheLeadIsHandedOverUnderLoad:
    def test_stock_denies_it_while_anything_is_under_way(self) -> None:
        stock = Stock("LFG")
        stock.elect("L")
        stock.say("L", "x")
        outcomes: list[int] = []
        stock.core["L"].transferLeadership(callback=lambda _result, error: outcomes.append(error))
        assert outcomes == [REQUEST_DENIED]

    @pytest.mark.parametrize("seed", range(3))
    def test_here_it_is_done_within_an_election_timeout(self, seed: int) -> None:
        async def scenario(cluster: Cluster) -> None:
            await cluster.start("abc")
            leader = await cluster.leader()
            await cluster.settle()

            async def writes() -> None:
                while leader.is_leader:
                    try:
                        await leader.node.propose(b"x")
                    except SwarmPyError:
                        return

            load = [asyncio.get_running_loop().create_task(writes()) for _ in range(20)]
            await asyncio.sleep(0.5)
            began_s = cluster.clock.monotonic()
            await leader.node.transfer_leadership()
            assert cluster.clock.monotonic() - began_s < SMALL.election_min_s
            await asyncio.gather(*load)
            assert (await cluster.leader()) is not leader

        simulate(scenario, seed=seed)
