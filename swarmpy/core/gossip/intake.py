"""Takes in what others send: authentic, parsed, and not trusted to be sensible."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from swarmpy.core.gossip import sensible
from swarmpy.core.gossip.beliefs import Beliefs
from swarmpy.core.gossip.desk import Desk
from swarmpy.core.gossip.differences import Differences
from swarmpy.core.gossip.own import Own
from swarmpy.core.gossip.probes import Probes
from swarmpy.core.gossip.roster import Roster
from swarmpy.core.gossip.streams import ENTRIES_MOST, Streams
from swarmpy.core.gossip.table import Table, key_of
from swarmpy.pb.gossip_pb2 import (
    GossipAck,
    GossipEndpoint,
    GossipFrame,
    GossipMember,
    GossipPacket,
    GossipRumour,
    GossipSet,
)

BACK_S = 10.0
"""For so long after one was found back, its word on others brings them back as well."""
PACKET_ENTRIES_MOST = 200


@dataclass(frozen=True, slots=True)
class Parts:
    """One node's gossip, in its parts."""

    desk: Desk
    table: Table
    roster: Roster
    beliefs: Beliefs
    own: Own
    probes: Probes
    streams: Streams
    differences: Differences


class Intake:
    """Hands each part of a message to who knows what to do with it."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def receive(self, packet: GossipPacket, now: float) -> None:
        """Take in a datagram."""
        if len(packet.rumours) + len(packet.endpoints) > PACKET_ENTRIES_MOST:
            self._parts.desk.malformed += 1
            return
        if self._parts.roster.is_forgotten(packet.sender_id):
            return
        # Rumours come first: a newcomer's packet says with them who it is.
        set_of = packet.sender_id if packet.pulled else ""
        self._take_entries(packet.rumours, packet.endpoints, set_of, now)
        if not packet.sender_id:
            if packet.HasField("ack"):
                self._take_ack(packet.ack.number, now)
            return
        self._hear(packet.sender_id, now)
        self._take_body(packet, now)

    def receive_stream(self, frame: GossipFrame, now: float) -> Iterator[GossipFrame]:
        """Take in a frame of a stream, whoever opened it; return what to answer on it."""
        if self._parts.roster.is_forgotten(frame.sender.node_id):
            return iter(())
        if sensible.is_member(frame.sender) and frame.sender.node_id != self._parts.desk.me.node_id:
            self._parts.beliefs.take_alive(frame.sender, now)
        if frame.sender.node_id:
            self._hear(frame.sender.node_id, now)
        match frame.WhichOneof("body"):
            case "ping":
                return self._answer_ping(frame)
            case "ack":
                self._take_ack(frame.ack.number, now)
            case "sums":
                return self._parts.streams.answer(frame.sums, now)
            case "owners":
                return self._parts.streams.give(frame.owners)
            case "set":
                self._take_set(frame.set, frame.sender.node_id, now)
            case None:
                self._parts.desk.malformed += 1
        return iter(())

    def _take_body(self, packet: GossipPacket, now: float) -> None:
        sender = self._parts.roster.members.get(packet.sender_id)
        body = packet.WhichOneof("body")
        if body == "ping":
            self._parts.probes.answer(packet.ping, packet.sender_id)
        elif body == "ack":
            self._take_ack(packet.ack.number, now)
        elif body == "nack":
            self._parts.probes.take_nack(packet.nack.number, packet.sender_id)
        elif body == "ping_request":
            self._parts.probes.relay(packet.ping_request, packet.sender_id, now)
        elif sender is not None and body == "recent":
            self._parts.differences.compare(packet, sender, now)
        elif sender is not None and body == "want":
            self._parts.differences.give(packet.want, sender)
        if sender is not None and body != "recent" and packet.HasField("digest"):
            self._parts.differences.answer(packet.digest, sender, now)

    def _take_entries(
        self,
        rumours: Iterable[GossipRumour],
        endpoints: Iterable[GossipEndpoint],
        set_of: str,
        now: float,
    ) -> None:
        """Take in what was told; `set_of` is whose table it is part of, when it is no news."""
        for rumour in rumours:
            if sensible.is_rumour(rumour):
                self._parts.beliefs.take(rumour, now, from_set=set_of)
            else:
                self._parts.desk.malformed += 1
        for endpoint in endpoints:
            if sensible.is_endpoint(endpoint):
                self._take_endpoint(endpoint, now, is_news=not set_of)
            else:
                self._parts.desk.malformed += 1
        self._parts.own.follow_epoch(now)

    def _take_endpoint(self, endpoint: GossipEndpoint, now: float, *, is_news: bool) -> None:
        if not self._parts.table.is_news(endpoint):
            return
        copy = GossipEndpoint()
        copy.CopyFrom(endpoint)
        if not self._parts.table.merge(copy, now):
            return
        if copy.owner_id == self._parts.desk.me.node_id:
            self._parts.own.answer(copy, now)
        elif is_news and not self._parts.desk.endpoints.is_crowded:
            # Beyond a few, digests spread them with fewer bytes.
            self._parts.desk.endpoints.add(key_of(copy), copy)

    def _take_set(self, part: GossipSet, sender_id: str, now: float) -> None:
        if len(part.rumours) + len(part.endpoints) > ENTRIES_MOST:
            self._parts.desk.malformed += 1
            return
        self._parts.streams.answered(now)
        sender = self._parts.roster.members.get(sender_id)
        if sender is not None and now - sender.found_back_at < BACK_S:
            for rumour in part.rumours:
                self._parts.beliefs.believe(rumour, now)
        self._take_entries(part.rumours, part.endpoints, sender_id or "?", now)

    def _take_ack(self, number: int, now: float) -> None:
        node_id = self._parts.probes.take_ack(number)
        if node_id:
            self._hear(node_id, now)

    def _hear(self, node_id: str, now: float) -> None:
        member = self._parts.beliefs.heard(node_id, now)
        if member is not None:
            self._parts.streams.ask_who_is_there(member.said.address, now)

    def _answer_ping(self, frame: GossipFrame) -> Iterator[GossipFrame]:
        if not self._parts.probes.is_meant(frame.ping):
            return iter(())
        sender = GossipMember(node_id=self._parts.desk.me.node_id)
        return iter((GossipFrame(sender=sender, ack=GossipAck(number=frame.ping.number)),))
