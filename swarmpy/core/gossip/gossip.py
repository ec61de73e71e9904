"""One node's gossip: what came in and what time it is -> what to send, and what happened.

    shell ── receive, receive_stream, tick, put, ... ──> Gossip ── outbox(), events() ──> shell

The whole interface. After every call that takes `now`, drain `outbox` and `events`, and call
`tick` again at `wake_at`. `now` is in seconds, on any clock that never goes back: only
differences count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from swarmpy.core.gossip.chance import Chance
from swarmpy.core.gossip.events import Event, Key
from swarmpy.core.gossip.outbox import Outbox
from swarmpy.core.gossip.profile import Profile
from swarmpy.pb.gossip_pb2 import (
    GossipEndpoint,
    GossipFrame,
    GossipMember,
    GossipPacket,
    GossipState,
)


@dataclass(frozen=True, slots=True)
class MemberView:
    """What this node believes of one member."""

    member: GossipMember
    state: GossipState.ValueType
    age_s: float
    """Since it is in this state."""
    certain: bool
    """False only for a death that nobody else vouches for."""


class Gossip:
    """Member `me` of a swarm. Not thread-safe; never blocks, never raises on what others send."""

    def __init__(self, me: GossipMember, profile: Profile, chance: Chance, now: float) -> None:
        """`me` needs node_id, address and epoch: larger than in any life of this node before."""
        raise NotImplementedError

    # --- time and messages

    def join(self, members: Iterable[GossipMember], now: float) -> None:
        """Believe these to be alive, and ask one after the other for a full set until one answers.

        A member without node_id is only an address to ask. May be called again at any time.
        """
        raise NotImplementedError

    def leave(self, now: float) -> None:
        """Say good-bye. Tick for another second so that it is told, then stop."""
        raise NotImplementedError

    def receive(self, packet: GossipPacket, now: float) -> None:
        """Take in a datagram: authentic, parsed, and not trusted to be sensible."""
        raise NotImplementedError

    def receive_stream(self, frame: GossipFrame, now: float) -> Iterator[GossipFrame]:
        """Take in a frame of a stream, whoever opened it; return what to answer on it.

        The answers are made as they are drawn, at most 200 entries each, so that the shell can
        send one and let others work before it draws the next.
        """
        raise NotImplementedError

    def tick(self, now: float) -> None:
        """Do what is due. Too early does nothing, late does it late."""
        raise NotImplementedError

    @property
    def wake_at(self) -> float:
        """When `tick` has something to do, if nothing comes in before."""
        raise NotImplementedError

    def outbox(self) -> Outbox:
        """Return what is to be sent, once."""
        raise NotImplementedError

    def events(self) -> tuple[Event, ...]:
        """Return what happened since the last call."""
        raise NotImplementedError

    # --- what this node says

    def describe(self, now: float, *, api_address: str, term: int, leader_id: str) -> None:
        """Tell all what this node knows of managers. Costs a rumour when it is new."""
        raise NotImplementedError

    def put(self, endpoint: GossipEndpoint, now: float) -> None:
        """Tell all about an endpoint of this node; owner and version are filled in here.

        The same content again costs nothing.
        """
        raise NotImplementedError

    def remove(self, key: Key, now: float) -> None:
        """Tell all that an endpoint of this node is no more; one that is unknown is no error."""
        raise NotImplementedError

    def settle(self, now: float) -> None:
        """From now on, what this node has not put is not there.

        Until then, endpoints that an earlier life of this node put, and that others still know,
        stay as they are: a node that restarts calls this when it has looked at all its tasks.
        """
        raise NotImplementedError

    def forget(self, node_id: str, now: float) -> None:
        """A node was removed from the swarm: drop it and its endpoints for good."""
        raise NotImplementedError

    # --- what this node knows

    @property
    def me(self) -> GossipMember:
        """What this node says of itself. Not to be changed."""
        raise NotImplementedError

    def members(self, now: float) -> list[MemberView]:
        """Return everybody, this node included, by id."""
        raise NotImplementedError

    def member(self, node_id: str, now: float) -> MemberView | None:
        """Return one of them; None when unknown."""
        raise NotImplementedError

    def endpoints(self) -> Iterator[GossipEndpoint]:
        """Return every endpoint whose owner is alive or suspect. Not to be changed."""
        raise NotImplementedError

    @property
    def table_hash(self) -> int:
        """64 bits over all endpoints, hidden ones too: equal on nodes that know the same."""
        raise NotImplementedError

    @property
    def health(self) -> int:
        """0 when this node does its duties in time, up to `Profile.health_max`."""
        raise NotImplementedError

    @property
    def malformed(self) -> int:
        """How many packets, frames and entries in them made no sense and were dropped."""
        raise NotImplementedError
