"""The fake of gossip keeps what a `Neighbours` promises."""

import asyncio
import random

import pytest

from swarmpy.pb.types_pb2 import GossipKey, GossipKeyRing
from swarmpy.testing.clock import VirtualClock
from swarmpy.testing.conformance.neighbours import PROMISES, Promise, Side
from swarmpy.testing.fake_neighbours import FakeGossip, FakeNeighbours
from swarmpy.testing.virtual_loop import run


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_fake_neighbours(promise: Promise) -> None:
    async def main(_rng: random.Random) -> None:
        gossip = FakeGossip(VirtualClock(asyncio.get_running_loop()))

        def side(node_id: str) -> Side:
            neighbours = FakeNeighbours(gossip, node_id, f"{node_id}:7947")
            neighbours.set_keys(GossipKeyRing(keys=[GossipKey(id=1, key=bytes(32))], primary_id=1))
            return Side(node_id, neighbours)

        await promise(side("n1"), side("n2"))

    run(main, seed=1)
