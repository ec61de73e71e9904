"""A node is down after three silent periods, not earlier, and up with its next word."""

from __future__ import annotations

import pytest

from swarmpy.manager.dispatcher.liveness import states_to_store
from swarmpy.manager.settings import ManagerSettings
from swarmpy.pb.gossip_pb2 import GOSSIP_STATE_DEAD, GOSSIP_STATE_LEFT, GossipState
from swarmpy.pb.types_pb2 import (
    NODE_STATE_DOWN,
    NODE_STATE_READY,
    NODE_STATE_UNKNOWN,
    GossipKey,
    GossipKeyRing,
    NodeState,
)
from swarmpy.testing import builders
from swarmpy.testing.fake_neighbours import FakeGossip, FakeNeighbours
from tests.manager.fake_agent import Swarm
from tests.manager.one_manager import put

PERIOD_S = 2.0
TAKEOVER_S = ManagerSettings().takeover_s


def state_of(swarm: Swarm, node_id: str) -> NodeState.ValueType:
    return swarm.seat.store.view.nodes.get(node_id).status.state


def told(swarm: Swarm, node_id: str) -> list[str]:
    return [event.reason for event in swarm.seat.store.view.events.by("object_id", node_id)]


async def test_a_silent_node_is_down_after_three_periods_and_not_earlier(swarm: Swarm) -> None:
    await swarm.connect("w1")
    await swarm.clock.advance(3 * PERIOD_S - 0.1)
    assert state_of(swarm, "w1") == NODE_STATE_READY
    await swarm.clock.advance(PERIOD_S / 2 + 0.1)
    assert state_of(swarm, "w1") == NODE_STATE_DOWN
    assert told(swarm, "w1")[-1] == "NodeDown"


async def test_heartbeats_keep_a_node_up_and_are_never_stored(swarm: Swarm) -> None:
    agent = await swarm.connect("w1")
    other = await swarm.connect("w2")
    other_manager = await swarm.connect("m1")
    await swarm.clock.advance(0.1)
    before = swarm.seat.store.index
    for _ in range(20):
        await swarm.clock.advance(PERIOD_S)
        for one in (agent, other, other_manager):
            one.beat(swarm.seat.now_ms)
    assert state_of(swarm, "w1") == NODE_STATE_READY
    assert swarm.seat.store.index == before


async def test_a_node_that_speaks_again_is_up_again(swarm: Swarm) -> None:
    agent = await swarm.connect("w1")
    await swarm.clock.advance(4 * PERIOD_S)
    assert state_of(swarm, "w1") == NODE_STATE_DOWN
    agent.beat(swarm.seat.now_ms)
    await swarm.clock.advance(PERIOD_S)
    assert state_of(swarm, "w1") == NODE_STATE_READY
    assert told(swarm, "w1")[-2:] == ["NodeDown", "NodeReady"]


async def test_a_node_that_comes_back_is_up_with_its_hello(swarm: Swarm) -> None:
    await swarm.clock.advance(TAKEOVER_S + PERIOD_S)
    assert state_of(swarm, "w1") == NODE_STATE_DOWN
    await swarm.connect("w1")
    assert state_of(swarm, "w1") == NODE_STATE_READY


async def test_a_new_leader_waits_longer_for_nodes_that_it_never_heard(swarm: Swarm) -> None:
    await swarm.clock.advance(TAKEOVER_S - PERIOD_S)
    assert state_of(swarm, "w1") != NODE_STATE_DOWN
    await swarm.clock.advance(2 * PERIOD_S)
    assert state_of(swarm, "w1") == NODE_STATE_DOWN


async def test_a_leader_that_was_stopped_itself_declares_nobody_down(swarm: Swarm) -> None:
    await swarm.connect("w1")
    await swarm.clock.oversleep(60)
    assert state_of(swarm, "w1") == NODE_STATE_READY
    await swarm.clock.advance(4 * PERIOD_S)
    assert state_of(swarm, "w1") == NODE_STATE_DOWN, "but it listens anew from then on"


@pytest.mark.parametrize(
    ("stored", "quiet_s", "connected", "expected"),
    [
        pytest.param(NODE_STATE_UNKNOWN, 1.0, True, NODE_STATE_READY, id="first word"),
        pytest.param(NODE_STATE_UNKNOWN, 1.0, False, None, id="grace under a new leader"),
        pytest.param(NODE_STATE_UNKNOWN, 6.0, False, NODE_STATE_DOWN, id="grace is over"),
        pytest.param(NODE_STATE_READY, 5.9, True, None, id="not quite silent enough"),
        pytest.param(NODE_STATE_READY, 6.0, True, NODE_STATE_DOWN, id="silent on an open stream"),
        pytest.param(NODE_STATE_DOWN, 60.0, False, None, id="known already"),
    ],
)
def test_only_differences_are_stored(
    stored: NodeState.ValueType,
    quiet_s: float,
    connected: bool,
    expected: NodeState.ValueType | None,
) -> None:
    node = builders.node("w1", state=stored)
    changes = states_to_store(
        [node],
        {"w1": quiet_s},
        silence_s=6.0,
        dead_silence_s=2.0,
        connected=["w1"] if connected else [],
        dead=[],
    )
    assert changes.get("w1") == expected


async def gossip_about(swarm: Swarm, nodes: int) -> FakeGossip:
    """Connect w1, w2 ...; everybody gossips, and is known to the leader."""
    neighbours = swarm.seat.neighbours
    assert isinstance(neighbours, FakeNeighbours)
    ring = GossipKeyRing(keys=[GossipKey(id=1, key=bytes(32))], primary_id=1)
    neighbours.set_keys(ring)
    for number in range(1, nodes + 1):
        name = f"w{number}"
        if name not in swarm.seat.store.view.nodes:
            await put(swarm.seat.store, nodes=[builders.node(name)])
        await swarm.connect(name)
        FakeNeighbours(neighbours.gossip, name, f"{name}:7947").set_keys(ring)
    return neighbours.gossip


@pytest.mark.parametrize("state", [GOSSIP_STATE_DEAD, GOSSIP_STATE_LEFT], ids=["dead", "left"])
async def test_a_node_that_gossip_calls_gone_is_down_after_one_period(
    swarm: Swarm, state: GossipState.ValueType
) -> None:
    gossip = await gossip_about(swarm, 1)
    gossip.set_state("w1", state)
    await swarm.clock.advance(PERIOD_S - 0.1)
    assert state_of(swarm, "w1") == NODE_STATE_READY
    await swarm.clock.advance(PERIOD_S / 2 + 0.1)
    assert state_of(swarm, "w1") == NODE_STATE_DOWN


async def test_a_node_that_speaks_is_up_whatever_gossip_says(swarm: Swarm) -> None:
    agent = await swarm.connect("w1")
    gossip = await gossip_about(swarm, 0)
    FakeNeighbours(gossip, "w1", "w1:7947").set_keys(swarm.seat.neighbours.keys)  # type: ignore[attr-defined]
    gossip.kill("w1")
    for _ in range(6):
        agent.beat(swarm.seat.now_ms)
        await swarm.clock.advance(PERIOD_S / 2)
    assert state_of(swarm, "w1") == NODE_STATE_READY


async def test_an_uncertain_death_waits_for_heartbeats(swarm: Swarm) -> None:
    gossip = await gossip_about(swarm, 1)
    gossip.kill("w1", certain=False)
    await swarm.clock.advance(2 * PERIOD_S)
    assert state_of(swarm, "w1") == NODE_STATE_READY


async def test_gossip_is_not_believed_when_it_calls_many_dead_at_once(swarm: Swarm) -> None:
    gossip = await gossip_about(swarm, 5)
    for name in ("w1", "w2", "w3"):
        gossip.kill(name)
    await swarm.clock.advance(2 * PERIOD_S)
    assert [state_of(swarm, name) for name in ("w1", "w2", "w3")] == [NODE_STATE_READY] * 3
    await swarm.clock.advance(2 * PERIOD_S)
    assert state_of(swarm, "w1") == NODE_STATE_DOWN, "but heartbeats are"


@pytest.mark.parametrize(("skew_ms", "events"), [(4_000, 0), (6_000, 1), (-6_000, 1)])
async def test_people_are_told_once_of_a_clock_that_is_far_off(
    swarm: Swarm, skew_ms: int, events: int
) -> None:
    agent = await swarm.connect("w1")
    for _ in range(3):
        agent.beat(swarm.seat.now_ms + skew_ms)
        await swarm.clock.advance(1)
    assert told(swarm, "w1").count("ClockSkew") == events
