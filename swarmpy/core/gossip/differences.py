"""Finds what two nodes know differently, with bytes in proportion to the difference.

    A ── digest, on pings and by itself ──> B        equal: nothing more
    A <── short fingerprints of what changed lately ── B
    A ── what B lacks; which of B's it wants ──────> B
    A <── those ── B

When that finds nothing twice and the digests still differ, the difference is older, and
`streams.py` finds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from swarmpy.core.gossip.desk import PACKET_BYTES, Desk
from swarmpy.core.gossip.fingerprint import SHORT
from swarmpy.core.gossip.member import Member
from swarmpy.core.gossip.recent import Recent
from swarmpy.core.gossip.roster import Roster
from swarmpy.core.gossip.streams import ENTRIES_MOST, Streams
from swarmpy.core.gossip.table import Table
from swarmpy.pb.gossip_pb2 import (
    GossipDigest,
    GossipEndpoint,
    GossipFrame,
    GossipPacket,
    GossipRecent,
    GossipRumour,
    GossipSet,
    GossipWant,
)

LISTED_MOST = 300
"""Short fingerprints in one packet: 4 bytes each."""
FRUITLESS_MOST = 2
ANSWERS_A_SECOND = 20
"""Digests answered: more than a member gets when each of the others sends its share."""


class Differences:
    """Digests out and in, and what follows from them."""

    def __init__(self, desk: Desk, roster: Roster, table: Table, streams: Streams) -> None:
        self._desk = desk
        self._roster = roster
        self._table = table
        self._streams = streams
        self._fruitless = 0
        self._answers = float(ANSWERS_A_SECOND)
        self._answered_at = 0.0

    def digest(self) -> GossipDigest:
        """Return what all that is known here comes to."""
        return GossipDigest(members=self._roster.total, endpoints=self._table.total)

    def send_digest(self) -> None:
        """Send it to one member by chance."""
        for member in self._roster.pick(1, lambda member: member.is_up):
            packet = GossipPacket(sender_id=self._desk.me.node_id, digest=self.digest())
            self._desk.fill(packet, self._roster.alive)
            self._desk.send(member.said.address, packet)

    # --- what comes in

    def answer(self, digest: GossipDigest, sender: Member, now: float) -> None:
        """Tell a member whose digest differs what changed here lately."""
        mine = self.digest()
        if digest == mine:
            return
        self._desk.changed_at = now
        if not self._may_answer(now):
            return
        shorts = [
            list(_listed(self._roster.recent, now)) if digest.members != mine.members else [],
            list(_listed(self._table.recent, now)) if digest.endpoints != mine.endpoints else [],
        ]
        for low, high in _ranges(shorts[0] + shorts[1]):
            recent = GossipRecent(
                low=low,
                high=high,
                members=[short for short in shorts[0] if low <= short <= high],
                endpoints=[short for short in shorts[1] if low <= short <= high],
            )
            me = self._desk.me.node_id
            packet = GossipPacket(sender_id=me, recent=recent, digest=mine)
            self._desk.send(sender.said.address, packet)

    def compare(self, packet: GossipPacket, sender: Member, now: float) -> None:
        """Send a member what it lacks, and ask for what it has and we lack."""
        recent, theirs, mine = packet.recent, packet.digest, self.digest()
        want = GossipWant()
        members: list[int] = []
        endpoints: list[int] = []
        if theirs.members != mine.members:
            known = self._roster.recent
            want.members.extend(s for s in recent.members if s not in known)
            members = _lacking(known, recent, recent.members, now)
        if theirs.endpoints != mine.endpoints:
            changed = self._table.recent
            want.endpoints.extend(s for s in recent.endpoints if s not in changed)
            endpoints = _lacking(changed, recent, recent.endpoints, now)
        wants = bool(want.members or want.endpoints)
        if wants:
            self._desk.changed_at = now
            packet = GossipPacket(sender_id=self._desk.me.node_id, want=want)
            self._desk.send(sender.said.address, packet)
        self._give(members, endpoints, sender)
        fresh_s = now - self._desk.profile.busy_s
        is_fresh = _changed_after(self._roster.recent, members, fresh_s, now) or _changed_after(
            self._table.recent, endpoints, fresh_s, now
        )
        if theirs != mine and not wants and not is_fresh:
            self._fruitless += 1
            if self._fruitless >= FRUITLESS_MOST:
                self._fruitless = 0
                self._streams.compare_all(sender.said.address, self.digest(), now)
        else:
            self._fruitless = 0

    def give(self, want: GossipWant, sender: Member) -> None:
        """Send what was asked for."""
        self._give(want.members[:LISTED_MOST], want.endpoints[:LISTED_MOST], sender)

    # --- what goes out

    def _give(self, members: Sequence[int], endpoints: Sequence[int], to: Member) -> None:
        rumours = [
            rumour
            for short in members
            if (node_id := self._roster.recent.subject(short)) is not None
            and (rumour := self._roster.record(node_id)) is not None
        ]
        entries = [
            endpoint
            for short in endpoints
            if (key := self._table.recent.subject(short)) is not None
            and (endpoint := self._table.get(key)) is not None
        ]
        if not rumours and not entries:
            return
        size = sum(message.ByteSize() for message in (*rumours, *entries))
        if size > self._desk.profile.stream_bytes:
            self._give_on_stream(rumours, entries, to)
            return
        for packet in _packed(self._desk.me.node_id, rumours, entries):
            self._desk.send(to.said.address, packet)

    def _give_on_stream(
        self, rumours: list[GossipRumour], entries: list[GossipEndpoint], to: Member
    ) -> None:
        me, step = self._desk.me, ENTRIES_MOST
        for start in range(0, len(rumours), step):
            part = GossipSet(rumours=rumours[start : start + step])
            self._desk.open_stream(to.said.address, GossipFrame(sender=me, set=part))
        for start in range(0, len(entries), step):
            part = GossipSet(endpoints=entries[start : start + step])
            self._desk.open_stream(to.said.address, GossipFrame(sender=me, set=part))

    def _may_answer(self, now: float) -> bool:
        gained = (now - self._answered_at) * ANSWERS_A_SECOND
        self._answers = min(self._answers + gained, ANSWERS_A_SECOND)
        self._answered_at = now
        if self._answers < 1:
            return False
        self._answers -= 1
        return True


def _listed(recent: Recent[str] | Recent[tuple[str, str]], now: float) -> Iterable[int]:
    return recent.changed(now)


def _ranges(shorts: list[int]) -> list[tuple[int, int]]:
    """Return ranges that cover all numbers, each with about LISTED_MOST of these at most.

    Each packet speaks for its range alone, so that a lost one is not taken for a lack.
    """
    if len(shorts) <= LISTED_MOST:
        return [(0, SHORT)]
    ordered = sorted(set(shorts))
    starts = [0, *ordered[LISTED_MOST::LISTED_MOST]]
    ends = [start - 1 for start in starts[1:]] + [SHORT]
    return list(zip(starts, ends, strict=True))


def _lacking(
    known: Recent[str] | Recent[tuple[str, str]],
    recent: GossipRecent,
    listed: Iterable[int],
    now: float,
) -> list[int]:
    """Return what changed here lately, is in the range, and is not listed there."""
    theirs = set(listed)
    low, high = recent.low, recent.high
    return [short for short in known.changed(now) if low <= short <= high and short not in theirs]


def _changed_after(
    known: Recent[str] | Recent[tuple[str, str]], shorts: list[int], after: float, now: float
) -> bool:
    changed = known.changed(now)
    return any(changed[short] > after for short in shorts if short in changed)


def _packed(
    sender_id: str, rumours: list[GossipRumour], entries: list[GossipEndpoint]
) -> list[GossipPacket]:
    """Return as few packets as hold all of these, in order."""
    packets: list[GossipPacket] = []
    free = 0
    messages: list[GossipRumour | GossipEndpoint] = [*rumours, *entries]
    for message in messages:
        need = message.ByteSize() + 3
        if need > free:
            packets.append(GossipPacket(sender_id=sender_id, pulled=True))
            free = PACKET_BYTES - packets[-1].ByteSize()
        free -= need
        if isinstance(message, GossipRumour):
            packets[-1].rumours.append(message)
        else:
            packets[-1].endpoints.append(message)
    return packets
