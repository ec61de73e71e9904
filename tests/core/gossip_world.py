"""Short makers for the tests of gossip."""

from __future__ import annotations

import random

from swarmpy.core.gossip.gossip import Gossip
from swarmpy.core.gossip.profile import DEFAULT, Profile
from swarmpy.pb.gossip_pb2 import (
    GossipEndpoint,
    GossipMember,
    GossipPacket,
    GossipRumour,
    GossipState,
    GossipVersion,
)


def said(name: str, epoch: int = 1, incarnation: int = 0) -> GossipMember:
    """Return what a node says of itself; its address is its name."""
    return GossipMember(node_id=name, address=name, epoch=epoch, incarnation=incarnation)


def node(
    *known: str, me: str = "me", epoch: int = 5, profile: Profile = DEFAULT, seed: int = 1
) -> Gossip:
    """Return a node at second 0 that knows these, with nothing left to send or to tell."""
    gossip = Gossip(said(me, epoch), profile, random.Random(seed), 0.0)
    gossip.join([said(name) for name in known], 0.0, ask=False)
    gossip.outbox()
    gossip.events()
    return gossip


def told(
    state: GossipState.ValueType,
    name: str,
    epoch: int = 1,
    incarnation: int = 0,
    source: str = "",
    *,
    refused: bool = False,
) -> GossipRumour:
    """Return a rumour."""
    who = GossipMember(node_id=name, epoch=epoch, incarnation=incarnation)
    if state == GossipState.GOSSIP_STATE_ALIVE:
        who.address = name
    return GossipRumour(state=state, member=who, source=source, refused=refused)


def packet(*rumours: GossipRumour, sender: str = "a") -> GossipPacket:
    return GossipPacket(sender_id=sender, rumours=rumours)


def entry(
    task: str, owner: str = "a", epoch: int = 1, sequence: int = 1, *, removed: bool = False
) -> GossipEndpoint:
    """Return an endpoint, or a tombstone, as its owner wrote it."""
    return GossipEndpoint(
        network_id="net",
        task_id=task,
        owner_id=owner,
        version=GossipVersion(epoch=epoch, sequence=sequence),
        removed=removed,
        address="" if removed else f"10.0.0.{sequence % 250}",
    )


def run(gossip: Gossip, start: float, end: float) -> list[GossipPacket]:
    """Let time pass with nothing coming in; return the packets it sent."""
    packets = []
    now = start
    for _ in range(10_000):
        packets += [datagram.packet for datagram in gossip.outbox().datagrams]
        now = max(now, gossip.wake_at)
        if now > end:
            return packets
        gossip.tick(now)
    raise AssertionError("it never sleeps")


def state_of(gossip: Gossip, name: str) -> GossipState.ValueType | None:
    view = gossip.member(name, 0.0)
    return view.state if view is not None else None
