"""Reads see every write that was acknowledged before them, or are refused."""

from __future__ import annotations

import asyncio

from tests.raft.cluster import Cluster, simulate


def test_reads_are_answered_though_a_round_trip_is_longer_than_a_heartbeat() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("abc")
        leader = await cluster.leader()
        await cluster.settle()
        for other in "abc":
            if other != leader.name:
                cluster.network.slow(leader.name, other, 0.12)
        async with asyncio.timeout(5):
            await leader.node.read_barrier()
        assert leader.is_leader

    simulate(scenario)
