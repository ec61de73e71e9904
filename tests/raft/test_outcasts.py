"""A member that was removed counts for nothing any more, whether it knows it or not."""

from __future__ import annotations

import asyncio

import pytest

from swarmpy.errors import OutcomeUnknown
from tests.raft.cluster import Cluster, simulate
from tests.raft.stock import SUCCESS, Stock


def test_a_removed_member_is_never_counted_again() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("abc")
        leader = await cluster.leader()
        await cluster.settle()
        removed, other = (m for m in cluster.managers.values() if m is not leader)
        cluster.cut_off(removed.name)
        await leader.node.remove_member(removed.name)
        cluster.network.heal()
        await other.stop()
        written = asyncio.get_running_loop().create_task(leader.node.propose(b"x"))
        await asyncio.sleep(25)
        assert cluster.leaders() == []
        with pytest.raises(OutcomeUnknown):
            await written
        assert removed.name not in leader.node.members()
        await other.start()
        await (await cluster.leader()).node.propose(b"y")
        assert not removed.is_leader

    simulate(scenario)


def test_stock_lets_a_wiped_member_vote_an_acknowledged_write_away() -> None:
    stock = Stock("LFG")
    stock.elect("L")
    stock.cut_off("G")
    outcomes = stock.say("L", "acknowledged")
    stock.run()
    assert outcomes == [SUCCESS]
    stock.cut_off("L")
    cable = type(stock.core["G"]._SyncObj__transport)
    stock.core["F"] = Stock("LFG").core["F"]
    stock.core["F"]._SyncObj__transport = cable(stock, "F")
    stock.link("F", "G")
    stock.elect("G")
    stock.say("G", "other")
    stock.run()
    assert stock.core["G"].words == ["other"], "tests/raft/test_log_ids.py has what happens here"
