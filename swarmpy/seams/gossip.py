"""What gossip tells a node's daemon, and what it is told."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from swarmpy.pb.gossip_pb2 import GossipEndpoint, GossipMember, GossipState
from swarmpy.pb.types_pb2 import GossipKeyRing


@dataclass(frozen=True, slots=True)
class Neighbour:
    """What gossip says of one node."""

    member: GossipMember
    state: GossipState.ValueType
    age_s: float
    """For so long it has been in this state."""
    certain: bool
    """False for a death that nothing but routes should follow from."""


@dataclass(frozen=True, slots=True)
class GossipPicture:
    """All that gossip knows at one moment."""

    members: Mapping[str, Neighbour]
    """By node id, this node included. Empty until gossip runs."""
    endpoints: tuple[GossipEndpoint, ...]
    """Of owners that are alive or suspect, by (network, task). Not to be changed."""
    table_hash: int
    """Equal on nodes that know the same endpoints, hidden ones too."""
    health: int
    """0 when this node's gossip does its duties in time; more: it is late itself."""
    malformed: int
    """Packets and entries that were authentic and made no sense."""
    dropped: Mapping[str, int]
    """Reason -> packets that were not taken in: "foreign", "replayed", "rate", ..."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """How long a question to a node and its answer took; None: no answer in time."""

    datagram_s: float | None
    stream_s: float | None


class Neighbours(Protocol):
    """A node's part in gossip. Works without managers. Calls that return at once are kept,
    and told again, whenever gossip starts anew.
    """

    @property
    def picture(self) -> GossipPicture: ...

    def watch(self) -> AsyncGenerator[GossipPicture, None]:
        """Yield what is known now, then after changes, at most ten times a second.

        Whoever is slow misses pictures, never the newest.
        """

    def put_all(self, endpoints: Iterable[GossipEndpoint]) -> None:
        """These are all endpoints of this node; owner and version are filled in."""

    def describe(self, *, api_address: str, term: int, leader_id: str) -> None:
        """Tell all what this node knows of managers; `api_address` is its own, if it is one."""

    def set_keys(self, ring: GossipKeyRing) -> None:
        """Seal and open packets with these from now on. Without keys nothing is sent."""

    def join(self, addresses: Iterable[str]) -> None:
        """Ask these (host:port) who is there; this node's own among them does no harm."""

    def forget(self, node_id: str) -> None:
        """A node was removed from the swarm: drop it and its endpoints for good."""

    async def leave(self) -> None:
        """Say good-bye; return when it was said, or could not be within two seconds."""

    async def probe(self, node_id: str) -> ProbeResult:
        """Ask one member for a sign of life, in both ways, within three seconds.

        Raises:
            NotFound: gossip knows no such member.
            Unavailable: this node's gossip does not run.
        """
