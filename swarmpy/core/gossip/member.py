"""What one node believes of one member."""

from __future__ import annotations

from swarmpy.core.gossip import fingerprint
from swarmpy.core.gossip.suspicion import Suspicion
from swarmpy.pb.gossip_pb2 import (
    GOSSIP_STATE_ALIVE,
    GOSSIP_STATE_DEAD,
    GOSSIP_STATE_LEFT,
    GOSSIP_STATE_SUSPECT,
    GossipMember,
    GossipRumour,
    GossipState,
)

Version = tuple[int, int]
"""(epoch, incarnation)."""


def version_of(member: GossipMember) -> Version:
    return (member.epoch, member.incarnation)


def copy_of(said: GossipMember) -> GossipMember:
    """Return a message of its own: parts of a packet keep the whole packet in memory."""
    copy = GossipMember()
    copy.CopyFrom(said)
    return copy


class Member:
    """Mutable: a thousand nodes keep a thousand each when they are simulated."""

    __slots__ = (
        "certain",
        "found_back_at",
        "is_up",
        "print",
        "said",
        "since",
        "state",
        "suspicion",
        "tag",
        "version",
    )

    def __init__(self, said: GossipMember, now: float) -> None:
        self.said = said
        """What it said of itself last."""
        self.version: Version = version_of(said)
        """Of the newest that is known of it; newer than `said` when others told of its end."""
        self.state: GossipState.ValueType = GOSSIP_STATE_ALIVE
        self.is_up = True
        """Alive or suspect."""
        self.since = now
        self.certain = True
        """False for a death that is believed here alone."""
        self.suspicion: Suspicion | None = None
        self.found_back_at = float("-inf")
        """When it spoke to us although it was uncertainly dead."""
        self.tag = fingerprint.of_node(said.node_id)
        self.print = fingerprint.of_member(said, GOSSIP_STATE_ALIVE)

    @property
    def counts(self) -> bool:
        """Whether the digest counts it: everybody but the certainly dead and the gone.

        Doubts of one node are no difference between tables.
        """
        return self.is_up or not self.certain

    def rumour(self, source: str) -> GossipRumour:
        """Return what is told of it now; doubts are `source`'s."""
        if self.state == GOSSIP_STATE_ALIVE:
            return GossipRumour(state=GOSSIP_STATE_ALIVE, member=self.said)
        epoch, incarnation = self.version
        who = GossipMember(node_id=self.said.node_id, epoch=epoch, incarnation=incarnation)
        if self.counts:
            refused = self.suspicion is not None and self.suspicion.was_refused(source)
            return GossipRumour(
                state=GOSSIP_STATE_SUSPECT, member=who, source=source, refused=refused
            )
        return GossipRumour(state=self.state, member=who)

    def record(self, source: str) -> GossipRumour:
        """Return the same with all it said of itself, for who may never have heard of it."""
        rumour = self.rumour(source)
        if rumour.state != GOSSIP_STATE_LEFT:
            rumour.member.CopyFrom(self.said)
        if rumour.state == GOSSIP_STATE_DEAD:
            rumour.member.epoch, rumour.member.incarnation = self.version
        return rumour

    def fingerprint(self) -> int:
        """Return what stands for it in lists: other numbers for other ends."""
        if self.counts:
            return fingerprint.of_member(self.said, GOSSIP_STATE_ALIVE)
        ending = GOSSIP_STATE_LEFT if self.state == GOSSIP_STATE_LEFT else GOSSIP_STATE_DEAD
        epoch, incarnation = self.version
        who = GossipMember(node_id=self.said.node_id, epoch=epoch, incarnation=incarnation)
        return fingerprint.of_member(who, ending)
