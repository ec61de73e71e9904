"""Is it there? One member after the other is asked, directly, through others, and by a stream.

    ping ── ack_timeout_s ──> k ping requests, a ping on a stream ── interval ends ──> suspect
      └────────────── ack ────────────── ack, from anybody ──────────────> it is there

A stream that is refused says more than one that is not answered: see suspicion.py.

Source: SWIM; Lifeguard for nacks and health; hashicorp/memberlist for the stream.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from swarmpy.core.gossip import fingerprint
from swarmpy.core.gossip.beliefs import NEVER, Beliefs
from swarmpy.core.gossip.desk import Desk
from swarmpy.core.gossip.member import Member, Version
from swarmpy.core.gossip.roster import Roster
from swarmpy.pb.gossip_pb2 import (
    GOSSIP_STATE_ALIVE,
    GossipAck,
    GossipDigest,
    GossipFrame,
    GossipNack,
    GossipPacket,
    GossipPing,
    GossipPingRequest,
)

NUMBERS = 1 << 32
RELAYS_MOST = 256
"""Pings for others under way; more requests are not answered."""
KNOCKS_MOST = 8
"""Streams of probes whose refusal is still waited for: it may come when the probe is over."""


@dataclass(slots=True)
class _Probe:
    number: int
    member: Member
    ask_others_at: float
    ends_at: float
    asked: int = 0
    refused: bool = False
    nacks: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Relay:
    address: str
    number: int
    nack_at: float


class Probes:
    """At most one probe at a time, and pings on behalf of others."""

    def __init__(self, desk: Desk, roster: Roster, beliefs: Beliefs, now: float) -> None:
        self._desk = desk
        self._roster = roster
        self._beliefs = beliefs
        interval_s = desk.profile.probe_interval_s
        self._next_at = now + desk.chance.random() * interval_s
        self._order: list[Member] = []
        self._number = int(desk.chance.random() * NUMBERS)
        self._probe: _Probe | None = None
        self._relays: dict[int, _Relay] = {}
        self._knocks: dict[int, tuple[str, Version]] = {}
        """Number of a ping on a stream -> at whom."""
        self._retry_at = now + desk.chance.random() * desk.profile.retry_interval_s
        self._retried: tuple[int, Member] | None = None
        self._me_tag = fingerprint.of_node(desk.me.node_id)

    @property
    def wake_at(self) -> float:
        """When something is due."""
        wake_at = self._next_at
        if self._probe is not None:
            wake_at = min(wake_at, self._probe.ends_at, self._probe.ask_others_at)
        if self._relays:
            wake_at = min(wake_at, next(iter(self._relays.values())).nack_at)
        if self._roster.dead:
            wake_at = min(wake_at, self._retry_at)
        return wake_at

    def tick(self, now: float, digest: Callable[[], GossipDigest]) -> bool:
        """Do what is due; return whether a ping went out, which carries the digest."""
        self._send_nacks(now)
        probe = self._probe
        if probe is not None and now >= probe.ask_others_at:
            if now >= probe.ends_at:
                self._oversleep()
            else:
                self._ask_others(probe)
        elif probe is not None and now >= probe.ends_at:
            self._fail(probe, now)
        pinged = False
        if now >= self._next_at:
            pinged = self._begin(now, digest())
        if self._roster.dead and now >= self._retry_at:
            self._retry(now, digest())
        return pinged

    # --- what comes in

    def answer(self, ping: GossipPing, sender_id: str) -> None:
        """Ack a ping; to who is doubted, say so with it, that it can refute at once."""
        if not self.is_meant(ping):
            return
        sender = self._roster.members.get(sender_id)
        if sender is None:
            return
        packet = GossipPacket(ack=GossipAck(number=ping.number))
        if sender.state != GOSSIP_STATE_ALIVE and self._desk.profile.tells_suspects:
            packet.rumours.append(sender.rumour(self._desk.me.node_id))
        self._desk.fill(packet, self._roster.alive)
        self._desk.send(sender.said.address, packet)

    def is_meant(self, ping: GossipPing) -> bool:
        """Whether a ping is for this node, or for one that had its address before."""
        return ping.target == self._me_tag

    def relay(self, request: GossipPingRequest, sender_id: str, now: float) -> None:
        """Ping a member for another."""
        sender = self._roster.members.get(sender_id)
        if sender is None or len(self._relays) >= RELAYS_MOST or not request.target_address:
            return
        profile = self._desk.profile
        number = self._new_number()
        nack_at = now + profile.ack_timeout_s * profile.nack_fraction
        self._relays[number] = _Relay(sender.said.address, request.number, nack_at)
        tag = fingerprint.of_node(request.target_id)
        packet = GossipPacket(
            sender_id=self._desk.me.node_id, ping=GossipPing(number=number, target=tag)
        )
        self._desk.send(request.target_address, packet)

    def take_ack(self, number: int) -> str:
        """Take in that whoever was asked is there; return who, when we asked for ourselves."""
        probe = self._probe
        if probe is not None and probe.number == number:
            self._probe = None
            self._desk.health.probe_succeeded()
            return probe.member.said.node_id
        if self._retried is not None and self._retried[0] == number:
            return self._retried[1].said.node_id
        relay = self._relays.pop(number, None)
        if relay is not None:
            packet = GossipPacket(ack=GossipAck(number=relay.number))
            self._desk.send(relay.address, packet)
        return ""

    def take_nack(self, number: int, sender_id: str) -> None:
        """A helper has no answer either, but is well itself."""
        if self._probe is not None and self._probe.number == number:
            self._probe.nacks.add(sender_id)

    def refused(self, number: int, now: float) -> None:
        """The stream that was to carry this ping was refused: nobody listens there."""
        knock = self._knocks.pop(number, None)
        if knock is None:
            return
        if self._probe is not None and self._probe.number == number:
            self._probe.refused = True
        else:
            self._beliefs.was_refused(*knock, now)

    # --- what is due

    def _begin(self, now: float, digest: GossipDigest) -> bool:
        self._next_at = now + self._desk.profile.probe_interval_s * self._desk.health.factor
        member = self._next_member()
        if member is None:
            return False
        number = self._new_number()
        ask_others_at = now + self._desk.profile.ack_timeout_s
        self._probe = _Probe(number, member, ask_others_at, self._next_at)
        self._ping(member, number, digest)
        return True

    def _ping(self, member: Member, number: int, digest: GossipDigest) -> None:
        me = self._desk.me.node_id
        packet = GossipPacket(
            sender_id=me, ping=GossipPing(number=number, target=member.tag), digest=digest
        )
        if member.state != GOSSIP_STATE_ALIVE and self._desk.profile.tells_suspects:
            packet.rumours.append(member.rumour(me))
            # It may have come back knowing nobody: then it learns here whom to answer.
            packet.rumours.append(self._roster.own.rumour(me))
        self._desk.fill(packet, self._roster.alive)
        self._desk.send(member.said.address, packet)

    def _next_member(self) -> Member | None:
        """Return the next that is up: in each round all, in a new order."""
        roster = self._roster
        self._place_newcomers()
        for _ in range(2):
            while self._order:
                member = self._order.pop()
                if member.is_up:
                    return member
            self._order = [member for member in roster.others if member.is_up]
            self._desk.chance.shuffle(self._order)
        return None

    def _place_newcomers(self) -> None:
        """Give each a random place in this round: the next may be minutes away."""
        newcomers = self._roster.newcomers
        if len(newcomers) > len(self._order):
            self._order += newcomers
            self._desk.chance.shuffle(self._order)
        else:
            for member in newcomers:
                place = int(self._desk.chance.random() * (len(self._order) + 1))
                self._order.insert(place, member)
        newcomers.clear()

    def _ask_others(self, probe: _Probe) -> None:
        probe.ask_others_at = NEVER
        target = probe.member
        helpers = self._roster.pick(
            self._desk.profile.indirect_probes,
            lambda member: member.state == GOSSIP_STATE_ALIVE and member is not target,
        )
        request = GossipPingRequest(
            number=probe.number,
            target_id=target.said.node_id,
            target_address=target.said.address,
        )
        for helper in helpers:
            packet = GossipPacket(sender_id=self._desk.me.node_id, ping_request=request)
            self._desk.fill(packet, self._roster.alive)
            self._desk.send(helper.said.address, packet)
        probe.asked = len(helpers)
        self._knocks[probe.number] = (target.said.node_id, target.version)
        if len(self._knocks) > KNOCKS_MOST:
            del self._knocks[next(iter(self._knocks))]
        ping = GossipPing(number=probe.number, target=target.tag)
        self._desk.open_stream(target.said.address, GossipFrame(sender=self._desk.me, ping=ping))

    def _fail(self, probe: _Probe, now: float) -> None:
        self._probe = None
        self._desk.health.probe_failed(probe.asked, min(probe.asked, len(probe.nacks)))
        member, me = probe.member, self._desk.me.node_id
        self._beliefs.suspect(member.said.node_id, member.version, me, now, refused=probe.refused)

    def _oversleep(self) -> None:
        """Blame nobody: nobody else was asked, and the ack may be here, still unread."""
        self._probe = None
        self._desk.health.was_doubted()

    def _send_nacks(self, now: float) -> None:
        while self._relays:
            number, relay = next(iter(self._relays.items()))
            if relay.nack_at > now:
                return
            del self._relays[number]
            packet = GossipPacket(
                sender_id=self._desk.me.node_id, nack=GossipNack(number=relay.number)
            )
            self._desk.send(relay.address, packet)

    def _retry(self, now: float, digest: GossipDigest) -> None:
        """Ping one of the dead: partitions heal, and hosts come back, without anybody's help."""
        roster = self._roster
        dead = list(roster.dead.values())
        pace = max(1.0, roster.alive / (4 * len(dead)))
        self._retry_at = now + self._desk.profile.retry_interval_s * pace
        member = dead[int(self._desk.chance.random() * len(dead))]
        number = self._new_number()
        self._retried = (number, member)
        self._ping(member, number, digest)

    def _new_number(self) -> int:
        self._number = (self._number + 1) % NUMBERS
        return self._number
