"""Who is a member: everybody that this node ever heard of, and what they come to."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from swarmpy.core.gossip.desk import Desk
from swarmpy.core.gossip.member import Member
from swarmpy.core.gossip.recent import Recent
from swarmpy.pb.gossip_pb2 import (
    GOSSIP_STATE_ALIVE,
    GOSSIP_STATE_LEFT,
    GossipMember,
    GossipRumour,
    GossipState,
)

FORGOTTEN_MOST = 4096


class Roster:
    """All members but this node itself; `beliefs.py` says what becomes of them."""

    def __init__(self, desk: Desk) -> None:
        self.members: dict[str, Member] = {}
        self.others: list[Member] = []
        """The same, in random order for whoever picks."""
        self.newcomers: list[Member] = []
        """Whoever was added since this was emptied last."""
        self.dead: dict[str, Member] = {}
        """Those to be tried again."""
        self.alive = 1
        """Members that are up, this node included."""
        self.suspects = 0
        self.total = 0
        """XOR of the fingerprints of all that count, this node included."""
        self.own = Member(desk.me, 0.0)
        """What others believe of this node, if they have heard everything."""
        profile = desk.profile
        self.recent: Recent[str] = Recent(profile.recent_s, profile.recent_entries)
        self._desk = desk
        self._forgotten: dict[str, None] = {}

    def pick(self, count: int, fits: Callable[[Member], bool]) -> list[Member]:
        """Return up to `count` different members that fit, by chance."""
        others, random = self.others, self._desk.chance.random
        total = len(others)
        picked: list[Member] = []
        if total > 4 * count:
            for _ in range(8 * count):
                member = others[int(random() * total)]
                if fits(member) and member not in picked:
                    picked.append(member)
                    if len(picked) == count:
                        return picked
        fitting = [member for member in others if fits(member)]
        self._desk.chance.shuffle(fitting)
        return fitting[:count]

    def record(self, node_id: str) -> GossipRumour | None:
        """Return all that is believed of one, this node included; None when unknown."""
        me = self._desk.me.node_id
        member = self.own if node_id == me else self.members.get(node_id)
        return member.record(me) if member is not None else None

    def records(self) -> Iterator[GossipRumour]:
        """Return the same of everybody."""
        yield self.own.record("")
        for member in list(self.members.values()):
            yield member.record(self._desk.me.node_id)

    def is_forgotten(self, node_id: str) -> bool:
        """Whether it was removed from the swarm."""
        return node_id in self._forgotten

    def takes(self, node_id: str) -> bool:
        """Whether there is room for another member, and it was not removed."""
        return node_id not in self._forgotten and len(self.members) < self._desk.profile.members_max

    def add(self, said: GossipMember, now: float) -> Member:
        """Add a member, up or not; whoever adds it says what counts."""
        member = self.members[said.node_id] = Member(said, now)
        self.others.append(member)
        self.newcomers.append(member)
        place = int(self._desk.chance.random() * len(self.others))
        self.others[place], self.others[-1] = self.others[-1], self.others[place]
        return member

    def count(self, member: Member, now: float) -> None:
        """Let the digest cover a member as it is now."""
        member.print = member.fingerprint()
        self.recent.note(member.print, member.said.node_id, now)
        if member.counts:
            self.total ^= member.print
        self._desk.changed_at = now

    def uncount(self, member: Member) -> None:
        """Take it out before it changes."""
        self.recent.drop(member.print)
        if member.counts:
            self.total ^= member.print

    def enter(self, member: Member, now: float, state: GossipState.ValueType) -> None:
        """Leave whatever state a member was in for this one; counting is the caller's."""
        if member.suspicion is not None:
            member.suspicion = None
            self.suspects -= 1
        if state == GOSSIP_STATE_ALIVE:
            self.dead.pop(member.said.node_id, None)
            if not member.is_up:
                member.is_up = True
                self.alive += 1
            member.certain = True
        member.state, member.since = state, now

    def forget(self, node_id: str, now: float) -> None:
        """Drop a member for good."""
        self._forgotten[node_id] = None
        while len(self._forgotten) > FORGOTTEN_MOST:
            del self._forgotten[next(iter(self._forgotten))]
        member = self.members.pop(node_id, None)
        if member is None:
            return
        self.uncount(member)
        self.enter(member, now, GOSSIP_STATE_LEFT)
        self.others.remove(member)
        self.dead.pop(node_id, None)
        self.alive -= 1 if member.is_up else 0
        member.is_up = False
        self._desk.rumours.drop(node_id)
