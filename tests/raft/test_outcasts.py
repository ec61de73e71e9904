"""A member that was removed counts for nothing any more, whether it knows it or not."""

from __future__ import annotations

import asyncio

import pytest

from swarmpy.errors import OutcomeUnknown
from tests.raft.cluster import Cluster, simulate


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
