"""What all parts of one node's gossip share: settings, chance, and the trays for what goes out."""

from __future__ import annotations

from swarmpy.core.gossip.chance import Chance
from swarmpy.core.gossip.events import Event
from swarmpy.core.gossip.health import Health
from swarmpy.core.gossip.outbox import Datagram, StreamRequest
from swarmpy.core.gossip.profile import Profile
from swarmpy.core.gossip.rumours import Rumours
from swarmpy.pb.gossip_pb2 import (
    GossipEndpoint,
    GossipFrame,
    GossipMember,
    GossipPacket,
    GossipRumour,
)

OVERHEAD_BYTES = 29 + 28
"""Of a packet: what seals it, and the headers of UDP and IP."""
PACKET_BYTES = 1400 - OVERHEAD_BYTES
"""What a packet may have; so it fits into every common MTU, tunnels included."""


class Desk:
    """Parts tell each other nothing but through here and through the tables."""

    def __init__(self, me: GossipMember, profile: Profile, chance: Chance, now: float) -> None:
        self.me = me
        """Replaced when it changes, never changed: it travels."""
        self.profile = profile
        self.chance = chance
        self.health = Health(profile.health_max)
        self.events: list[Event] = []
        self.datagrams: list[Datagram] = []
        self.streams: list[StreamRequest] = []
        most, lone, crowd = profile.rumours_waiting, profile.lone_rumours, profile.crowd_sends
        self.rumours: Rumours[GossipRumour] = Rumours(most, lone, crowd)
        self.endpoints: Rumours[GossipEndpoint] = Rumours(most, lone, crowd)
        self.changed_at = now
        """When anything in the tables changed last, or was found to differ."""
        self.malformed = 0

    def is_busy(self, now: float) -> bool:
        """Whether something changes, so that digests are worth more."""
        return now - self.changed_at < self.profile.busy_s

    def has_news(self) -> bool:
        """Whether any rumour waits."""
        return len(self.rumours) > 0 or len(self.endpoints) > 0

    def fill(self, packet: GossipPacket, alive: int) -> bool:
        """Put rumours into what is free of a packet; return whether there were any.

        Endpoints are left half of it: members alone would keep them waiting in a big swarm.
        """
        if not self.has_news():
            return False
        space = PACKET_BYTES - packet.ByteSize()
        sends = self.profile.sends(alive)
        for_members = space // 2 if len(self.endpoints) else space
        rumours, used = self.rumours.take(for_members, sends)
        if rumours:
            packet.rumours.extend(rumours)
        endpoints, _ = self.endpoints.take(space - used, sends)
        if endpoints:
            packet.endpoints.extend(endpoints)
        return bool(rumours or endpoints)

    def send(self, address: str, packet: GossipPacket) -> None:
        """Send a datagram."""
        self.datagrams.append(Datagram(address, packet))

    def open_stream(self, address: str, frame: GossipFrame) -> None:
        """Send a request on a stream."""
        self.streams.append(StreamRequest(address, frame))
