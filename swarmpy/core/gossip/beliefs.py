"""What is believed of each member.

    alive ──does not answer──> suspect ──in time nothing──> dead
      ^                           │                          │
      └────── a newer (epoch, incarnation), which only the member itself can make ──────┘

At one version the worse state holds, so that all nodes come to believe the same in whatever
order they hear it. Two things stay a node's own business, told to nobody: an **uncertain**
death, which nobody confirmed or which came with too many others, because the fault is then
likely ours; and that such a member speaks to us again, which brings it back at once.

Source: SWIM (Das, Gupta, Motivala 2002), Lifeguard, hashicorp/memberlist.
"""

from __future__ import annotations

from heapq import heappop, heappush

from swarmpy.core.gossip.desk import Desk
from swarmpy.core.gossip.events import (
    MemberBack,
    MemberChanged,
    MemberDead,
    MemberJoined,
    MemberLeft,
    MemberSuspected,
)
from swarmpy.core.gossip.member import Member, Version, copy_of, version_of
from swarmpy.core.gossip.roster import Roster
from swarmpy.core.gossip.statement import Statement
from swarmpy.core.gossip.suspicion import Suspicion
from swarmpy.core.gossip.table import Table
from swarmpy.core.gossip.vanishing import Vanishing
from swarmpy.pb.gossip_pb2 import (
    GOSSIP_STATE_ALIVE,
    GOSSIP_STATE_DEAD,
    GOSSIP_STATE_LEFT,
    GOSSIP_STATE_SUSPECT,
    GossipMember,
    GossipRumour,
    GossipState,
)

NEVER = float("inf")


class Beliefs:
    """Changes the roster, tells others, and shows and hides endpoints."""

    def __init__(self, desk: Desk, roster: Roster, table: Table, statement: Statement) -> None:
        self._desk = desk
        self._roster = roster
        self._table = table
        self._statement = statement
        self._deadlines: list[tuple[float, int, Member]] = []
        self._serial = 0
        self._vanishing = Vanishing(desk.profile.mass_fraction)

    @property
    def next_deadline(self) -> float:
        """When the next suspicion ends; perhaps earlier than it really does."""
        while self._deadlines and self._deadlines[0][2].suspicion is None:
            heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else NEVER

    # --- what is told

    def take(self, rumour: GossipRumour, now: float, *, from_set: str = "") -> None:
        """Take in what is told of one member.

        `from_set` is who told it as part of a table, not as news: a death is then doubted
        first, since it may be long refuted.
        """
        told, state = rumour.member, rumour.state
        version = version_of(told)
        if told.node_id == self._desk.me.node_id:
            self._statement.refute(state, version, now)
        elif state == GOSSIP_STATE_ALIVE:
            self.take_alive(told, now)
        elif state == GOSSIP_STATE_SUSPECT:
            self._learn(told, now)
            source = rumour.source or from_set
            self.suspect(told.node_id, version, source, now, refused=rumour.refused)
        elif state == GOSSIP_STATE_DEAD and from_set:
            if not self._learn_dead(told, version, now):
                self.suspect(told.node_id, version, from_set, now)
        else:
            self._end(told.node_id, version, state, now)

    def take_alive(self, said: GossipMember, now: float, *, is_news: bool = True) -> None:
        """Take in what a member says of itself; without news, nobody else is told."""
        node_id, version = said.node_id, version_of(said)
        member = self._roster.members.get(node_id)
        if member is None:
            self._join(copy_of(said) if is_news else said, now, is_news=is_news)
            return
        if version <= member.version:
            if version == member.version > version_of(member.said):
                self._rewrite(member, said, now)
            return
        was = member.state
        self._roster.uncount(member)
        self._roster.enter(member, now, GOSSIP_STATE_ALIVE)
        member.said, member.version = copy_of(said), version
        self._roster.count(member, now)
        self._desk.rumours.add(node_id, member.rumour(""))
        if was == GOSSIP_STATE_ALIVE:
            self._desk.events.append(MemberChanged(member.said))
        else:
            self._desk.events.append(MemberBack(member.said))
            self._table.show(node_id)

    def suspect(
        self, node_id: str, version: Version, source: str, now: float, *, refused: bool = False
    ) -> None:
        """`source` got no answer from a member; or was `refused`, when nobody listens there."""
        member = self._roster.members.get(node_id)
        if member is None or not member.is_up or version < member.version:
            return
        if member.suspicion is not None:
            if member.suspicion.confirm(source, refused=refused):
                self._schedule(member)
                self._tell_suspicion(member, source)
            return
        member.version = version
        profile, alive = self._desk.profile, self._roster.alive
        needed = profile.confirmations if alive - 2 >= profile.confirmations else 0
        bounds = profile.suspicion_bounds(alive)
        member.suspicion = Suspicion(self._desk.me.node_id, now, bounds, needed)
        member.suspicion.confirm(source, refused=refused)
        member.state, member.since = GOSSIP_STATE_SUSPECT, now
        self._roster.suspects += 1
        self._schedule(member)
        self._tell_suspicion(member, source)
        self._desk.events.append(MemberSuspected(node_id, source))

    def was_refused(self, node_id: str, version: Version, now: float) -> None:
        """A connection of our own was refused, too late for the probe it was part of."""
        member = self._roster.members.get(node_id)
        if member is not None and member.suspicion is not None:
            self.suspect(node_id, version, self._desk.me.node_id, now, refused=True)

    def expire(self, now: float) -> None:
        """Declare dead whose time is over."""
        while self.next_deadline <= now:
            _, _, member = heappop(self._deadlines)
            suspicion = member.suspicion
            if suspicion is None or suspicion.deadline > now:
                continue
            certain = suspicion.confirmed and not self._vanishing.is_mass(
                self._roster.suspects, self._roster.alive - 1, now
            )
            self._bury(member, GOSSIP_STATE_DEAD, now, certain=certain)

    def heard(self, node_id: str, now: float) -> Member | None:
        """A member itself spoke to us: return it when it was uncertainly dead and is back."""
        member = self._roster.members.get(node_id)
        if member is None or member.certain:
            return None
        self._find_back(member, now)
        return member

    def believe(self, rumour: GossipRumour, now: float) -> None:
        """Bring back whom one who has just been found back says to be alive."""
        member = self._roster.members.get(rumour.member.node_id)
        alive = rumour.state == GOSSIP_STATE_ALIVE
        if member is None or member.certain or not alive:
            return
        if version_of(rumour.member) == member.version:
            self._find_back(member, now)

    # --- changes of state

    def _join(self, said: GossipMember, now: float, *, is_news: bool) -> None:
        if not self._roster.takes(said.node_id):
            return
        member = self._roster.add(said, now)
        self._roster.count(member, now)
        self._roster.alive += 1
        if is_news:
            self._desk.rumours.add(said.node_id, member.rumour(""))
        self._desk.events.append(MemberJoined(member.said))
        self._table.show(said.node_id)

    def _learn(self, told: GossipMember, now: float) -> None:
        """Take in what a rumour about doubts says besides, if it says it."""
        if told.address and told.node_id not in self._roster.members:
            self._join(copy_of(told), now, is_news=True)

    def _learn_dead(self, told: GossipMember, version: Version, now: float) -> bool:
        """Return whether a death that a table tells of needs no doubt: nobody knew the dead."""
        if told.node_id in self._roster.members:
            return False
        if told.address and self._roster.takes(told.node_id):
            member = self._roster.add(copy_of(told), now)
            member.version = version
            member.state, member.is_up = GOSSIP_STATE_DEAD, False
            self._roster.dead[told.node_id] = member
            self._roster.count(member, now)
        return True

    def _end(
        self, node_id: str, version: Version, state: GossipState.ValueType, now: float
    ) -> None:
        member = self._roster.members.get(node_id)
        if member is None or version < member.version:
            return
        is_news = (version, state) > (member.version, member.state)
        if member.is_up or not member.certain or is_news:
            self._bury(member, state, now, certain=True, version=version)

    def _bury(
        self,
        member: Member,
        state: GossipState.ValueType,
        now: float,
        *,
        certain: bool,
        version: Version | None = None,
    ) -> None:
        was_up = member.is_up
        self._roster.uncount(member)
        member.version = version or member.version
        self._roster.enter(member, now, state)
        member.certain = certain
        if was_up:
            self._roster.alive -= 1
            member.is_up = False
            self._vanishing.note_death(now)
        self._roster.count(member, now)
        self._tell_end(member)
        if was_up:
            self._table.hide(member.said.node_id, now)

    def _tell_end(self, member: Member) -> None:
        node_id, desk = member.said.node_id, self._desk
        if member.state == GOSSIP_STATE_LEFT:
            self._roster.dead.pop(node_id, None)
            desk.events.append(MemberLeft(node_id))
        else:
            self._roster.dead[node_id] = member
            desk.events.append(MemberDead(node_id, member.certain))
        if member.certain:
            desk.rumours.add(node_id, member.rumour(""))
        else:
            desk.rumours.drop(node_id)

    def _find_back(self, member: Member, now: float) -> None:
        self._roster.uncount(member)
        self._roster.enter(member, now, GOSSIP_STATE_ALIVE)
        self._roster.count(member, now)
        member.found_back_at = now
        self._desk.events.append(MemberBack(member.said))
        self._table.show(member.said.node_id)

    def _rewrite(self, member: Member, said: GossipMember, now: float) -> None:
        """The version was known from doubts; now its content came as well."""
        self._roster.uncount(member)
        member.said = copy_of(said)
        self._roster.count(member, now)

    # --- suspicions

    def _schedule(self, member: Member) -> None:
        assert member.suspicion is not None
        self._serial += 1
        heappush(self._deadlines, (member.suspicion.deadline, self._serial, member))

    def _tell_suspicion(self, member: Member, source: str) -> None:
        self._desk.rumours.add(member.said.node_id, member.rumour(source))
