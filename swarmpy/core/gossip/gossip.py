"""One node's gossip: what came in and what time it is -> what to send, and what happened.

    shell ── receive, receive_stream, tick, put, ... ──> Gossip ── outbox(), events() ──> shell

The whole interface. After every call that takes `now`, drain `outbox` and `events`, and call
`tick` again at `wake_at`. `now` is in seconds, on any clock that never goes back: only
differences count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from swarmpy.core.gossip import sensible
from swarmpy.core.gossip.beliefs import NEVER, Beliefs
from swarmpy.core.gossip.chance import Chance
from swarmpy.core.gossip.desk import Desk
from swarmpy.core.gossip.differences import Differences
from swarmpy.core.gossip.events import Event, Key
from swarmpy.core.gossip.intake import Intake, Parts
from swarmpy.core.gossip.member import Member
from swarmpy.core.gossip.outbox import Outbox
from swarmpy.core.gossip.own import Own
from swarmpy.core.gossip.probes import Probes
from swarmpy.core.gossip.profile import Profile
from swarmpy.core.gossip.roster import Roster
from swarmpy.core.gossip.statement import Statement
from swarmpy.core.gossip.streams import Streams
from swarmpy.core.gossip.table import Table
from swarmpy.pb.gossip_pb2 import (
    GOSSIP_STATE_DEAD,
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


REAP_S = 10.0


class Gossip:
    """Member `me` of a swarm. Not thread-safe; never blocks, never raises on what others send."""

    def __init__(self, me: GossipMember, profile: Profile, chance: Chance, now: float) -> None:
        """`me` needs node_id, address and epoch: larger than in any life of this node before."""
        said = GossipMember()
        said.CopyFrom(me)
        assert sensible.is_member(said)
        self._desk = Desk(said, profile, chance, now)
        self._table = Table(self._desk)
        self._roster = Roster(self._desk)
        self._statement = Statement(self._desk, self._roster)
        self._beliefs = Beliefs(self._desk, self._roster, self._table, self._statement)
        self._own = Own(self._desk, self._table)
        self._probes = Probes(self._desk, self._roster, self._beliefs, now)
        self._streams = Streams(self._desk, self._roster, self._table, now)
        self._differences = Differences(self._desk, self._roster, self._table, self._streams)
        self._intake = Intake(
            Parts(
                self._desk,
                self._table,
                self._roster,
                self._beliefs,
                self._own,
                self._probes,
                self._streams,
                self._differences,
            )
        )
        self._gossiped_at = self._digested_at = now - chance.random() * profile.gossip_interval_s
        self._reap_at = now + REAP_S
        self._blind_until = now
        self._statement.begin(now)

    # --- time and messages

    def join(self, members: Iterable[GossipMember], now: float, *, ask: bool = True) -> None:
        """Believe these to be alive, and ask them for full sets in turn until three answered.

        A member without node_id is only an address to ask. May be called again at any time.
        The messages are kept: they must not change.
        """
        addresses = []
        for member in members:
            addresses.append(member.address)
            if sensible.is_member(member) and member.node_id != self.me.node_id:
                self._beliefs.take_alive(member, now, is_news=False)
        if ask:
            self._streams.join(addresses, now)

    def leave(self, now: float) -> None:
        """Say good-bye. Tick for another second so that it is told, then stop."""
        self._own.leave(now)
        self._statement.leave(now)

    def receive(self, packet: GossipPacket, now: float) -> None:
        """Take in a datagram: authentic, parsed, and not trusted to be sensible."""
        self._intake.receive(packet, now)

    def receive_stream(self, frame: GossipFrame, now: float) -> Iterator[GossipFrame]:
        """Take in a frame of a stream, whoever opened it; return what to answer on it.

        The answers are made as they are drawn, at most 200 entries each, so that the shell can
        send one and let others work before it draws the next.
        """
        return self._intake.receive_stream(frame, now)

    def refused(self, frame: GossipFrame, now: float) -> None:
        """The host that this frame was to go to on a new stream says that nobody listens."""
        if frame.HasField("ping"):
            self._probes.refused(frame.ping.number, now)

    def tick(self, now: float) -> None:
        """Do what is due. Too early does nothing, late does it late."""
        profile = self._desk.profile
        if now - self.wake_at > profile.probe_interval_s:
            # We slept. What refutes our suspicions may be here, still unread.
            self._blind_until = now + profile.probe_interval_s
        if now >= self._blind_until:
            self._beliefs.expire(now)
        self._streams.tick(now)
        if self._statement.is_leaving:
            self._gossip(now)
            return
        if self._probes.tick(now, self._differences.digest):
            self._digested_at = now
        self._gossip(now)
        if now >= self._digest_at:
            self._digested_at = now
            self._differences.send_digest()
        if now >= self._reap_at:
            self._reap_at = now + REAP_S
            self._table.reap(now)

    @property
    def wake_at(self) -> float:
        """When `tick` has something to do, if nothing comes in before."""
        profile, desk = self._desk.profile, self._desk
        gossip_at = NEVER
        if desk.has_news():
            gossip_at = self._gossiped_at + profile.gossip_interval_s
        if self._statement.is_leaving:
            return gossip_at
        deadline = max(self._beliefs.next_deadline, self._blind_until)
        return min(
            gossip_at,
            self._digest_at,
            deadline,
            self._probes.wake_at,
            self._streams.wake_at,
            self._reap_at,
        )

    def outbox(self) -> Outbox:
        """Return what is to be sent, once."""
        desk = self._desk
        sent = Outbox(tuple(desk.datagrams), tuple(desk.streams))
        desk.datagrams.clear()
        desk.streams.clear()
        return sent

    def events(self) -> tuple[Event, ...]:
        """Return what happened since the last call."""
        events = tuple(self._desk.events)
        self._desk.events.clear()
        return events

    # --- what this node says

    def describe(self, now: float, *, api_address: str, term: int, leader_id: str) -> None:
        """Tell all what this node knows of managers. Costs a rumour when it is new."""
        said = GossipMember()
        said.CopyFrom(self.me)
        said.api_address, said.term, said.leader_id = api_address, term, leader_id
        if said != self.me and not self._statement.is_leaving:
            said.incarnation += 1
            self._statement.say(said, now)

    def put(self, endpoint: GossipEndpoint, now: float) -> None:
        """Tell all about an endpoint of this node; owner and version are filled in here.

        The same content again costs nothing. At most `sensible.ENDPOINT_BYTES`.
        """
        self._own.put(endpoint, now)

    def remove(self, key: Key, now: float) -> None:
        """Tell all that an endpoint of this node is no more; one that is unknown is no error."""
        self._own.remove(key, now)

    def settle(self, now: float) -> None:
        """From now on, what this node has not put is not there.

        Until then, endpoints that an earlier life of this node put, and that others still know,
        stay as they are: a node that restarts calls this when it has looked at all its tasks.
        """
        self._own.settle(now)

    def forget(self, node_id: str, now: float) -> None:
        """A node was removed from the swarm: drop it and its endpoints, and hear it no more."""
        assert node_id != self.me.node_id
        self._roster.forget(node_id, now)
        self._table.forget(node_id)

    # --- what this node knows

    @property
    def me(self) -> GossipMember:
        """What this node says of itself. Not to be changed."""
        return self._desk.me

    def members(self, now: float) -> list[MemberView]:
        """Return everybody, this node included, by id."""
        everybody = [self._roster.own, *self._roster.members.values()]
        views = [_view(member, now) for member in everybody]
        return sorted(views, key=lambda view: view.member.node_id)

    def member(self, node_id: str, now: float) -> MemberView | None:
        """Return one of them; None when unknown."""
        if node_id == self.me.node_id:
            return _view(self._roster.own, now)
        member = self._roster.members.get(node_id)
        return _view(member, now) if member is not None else None

    def endpoints(self) -> Iterator[GossipEndpoint]:
        """Return every endpoint whose owner is alive or suspect. Not to be changed."""
        return self._table.shown()

    @property
    def alive(self) -> int:
        """How many members are alive or suspect, this node included."""
        return self._roster.alive

    @property
    def table_hash(self) -> int:
        """64 bits over all endpoints, hidden ones too: equal on nodes that know the same."""
        return self._table.total

    @property
    def members_hash(self) -> int:
        """The same over all members but those who certainly are no more."""
        return self._roster.total

    @property
    def health(self) -> int:
        """0 when this node does its duties in time, up to `Profile.health_max`."""
        return self._desk.health.score

    @property
    def malformed(self) -> int:
        """How many packets, frames and entries in them made no sense and were dropped."""
        return self._desk.malformed

    # --- inside

    @property
    def _digest_at(self) -> float:
        profile = self._desk.profile
        busy_at = self._digested_at + profile.digest_busy_s
        if self._desk.is_busy(busy_at):
            return busy_at
        return self._digested_at + profile.digest_interval_s

    def _gossip(self, now: float) -> None:
        """Tell the news to some members, and to the lately dead, who may live to deny it."""
        profile, desk, roster = self._desk.profile, self._desk, self._roster
        if not desk.has_news() or now < self._gossiped_at + profile.gossip_interval_s:
            return
        self._gossiped_at = now
        told_after = now - profile.told_dead_s
        for member in roster.pick(
            profile.gossip_fanout, lambda member: _is_told(member, told_after)
        ):
            packet = GossipPacket(sender_id=desk.me.node_id)
            if not desk.fill(packet, roster.alive):
                return
            desk.send(member.said.address, packet)


def _is_told(member: Member, dead_after: float) -> bool:
    return member.is_up or (member.state == GOSSIP_STATE_DEAD and member.since >= dead_after)


def _view(member: Member, now: float) -> MemberView:
    return MemberView(member.said, member.state, now - member.since, member.certain)
