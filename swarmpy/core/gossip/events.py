"""What gossip has to tell to whoever runs it, in order.

Events wake up; they are not the truth. Whoever missed one reads `Gossip.members()` and
`Gossip.endpoints()`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from swarmpy.pb.gossip_pb2 import GossipEndpoint, GossipMember

Key: TypeAlias = tuple[str, str]
"""(network id, task id) of an endpoint."""


@dataclass(frozen=True, slots=True)
class MemberJoined:
    """A member is known for the first time."""

    member: GossipMember


@dataclass(frozen=True, slots=True)
class MemberChanged:
    """A living member says something new of itself: address, term, leader, a new life."""

    member: GossipMember


@dataclass(frozen=True, slots=True)
class MemberSuspected:
    """A member does not answer; its endpoints stay visible."""

    node_id: str
    source_id: str


@dataclass(frozen=True, slots=True)
class MemberDead:
    """A member is believed dead and its endpoints are hidden. May be told twice: the second
    time when an uncertain death has become certain.
    """

    node_id: str
    certain: bool
    """False: nobody confirmed it, or so many vanished at once that the fault may be ours.
    Nothing but routes should follow from it."""


@dataclass(frozen=True, slots=True)
class MemberLeft:
    """A member said good-bye."""

    node_id: str


@dataclass(frozen=True, slots=True)
class MemberBack:
    """A member that was suspected, dead or gone is alive."""

    member: GossipMember


@dataclass(frozen=True, slots=True)
class EndpointChanged:
    """An endpoint is visible, for the first time, again, or with another content."""

    endpoint: GossipEndpoint


@dataclass(frozen=True, slots=True)
class EndpointHidden:
    """An endpoint's owner is away. It comes back with its owner."""

    key: Key


@dataclass(frozen=True, slots=True)
class EndpointGone:
    """An endpoint was removed by its owner, or forgotten."""

    key: Key


Event: TypeAlias = (
    MemberJoined
    | MemberChanged
    | MemberSuspected
    | MemberDead
    | MemberLeft
    | MemberBack
    | EndpointChanged
    | EndpointHidden
    | EndpointGone
)
