"""Real gossip processes on loopback keep what a `Neighbours` promises."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from swarmpy.daemon.clock import SystemClock
from swarmpy.gossip.epoch import EpochFile
from swarmpy.gossip.neighbours import Place, ProcessNeighbours
from swarmpy.pb.types_pb2 import NODE_ROLE_WORKER, GossipKey, GossipKeyRing
from swarmpy.raft.disk import LocalDisk
from swarmpy.testing.conformance.neighbours import PROMISES, Promise, Side
from tests.conformance.identities import CLUSTER_ID, SwarmIdentities
from tests.gossip.ports import free_address

RING = GossipKeyRing(keys=[GossipKey(id=1, key=bytes(range(32)))], primary_id=1)


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
async def test_process_neighbours(promise: Promise, tmp_path: Path) -> None:
    identities = SwarmIdentities()
    addresses = {node_id: free_address() for node_id in ("n1", "n2")}
    async with asyncio.TaskGroup() as parts:
        tasks: list[asyncio.Task[None]] = []

        def side(node_id: str) -> Side:
            identity = identities.of(node_id, NODE_ROLE_WORKER)
            clock = SystemClock()
            neighbours = ProcessNeighbours(
                Place(node_id, CLUSTER_ID, addresses[node_id]),
                lambda: identity,
                EpochFile(LocalDisk(), tmp_path / node_id, clock),
                clock,
                random.Random(1),
            )
            neighbours.set_keys(RING)
            neighbours.join(addresses.values())
            tasks.append(parts.create_task(neighbours.run()))
            return Side(node_id, neighbours)

        await promise(side("n1"), side("n2"))
        for task in tasks:
            task.cancel()
