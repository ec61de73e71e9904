"""What needs a stream: full sets for who joins, and differences too old or too large for packets.

    A ── sums: what each owner's endpoints come to here ──> B
    A <── all members; all endpoints of owners that differ; the names of those ── B
    A ── its own endpoints of those owners ──> B

Without sums the answer is everything there is: that is how a node joins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from swarmpy.core.gossip.beliefs import NEVER
from swarmpy.core.gossip.desk import Desk
from swarmpy.core.gossip.roster import Roster
from swarmpy.core.gossip.table import Table
from swarmpy.pb.gossip_pb2 import (
    GossipDigest,
    GossipEndpoint,
    GossipFrame,
    GossipMember,
    GossipOwners,
    GossipRumour,
    GossipSet,
    GossipSum,
    GossipSums,
)

Entry = TypeVar("Entry")

ENTRIES_MOST = 200
"""In one frame: 200 entries take about a millisecond, and the loop turns after each."""


ANSWERS_MOST = 3
"""Contacts that are asked for everything: two that lost all they knew may find each other first."""


class Streams:
    """Asks for full sets, and answers who asks."""

    def __init__(self, desk: Desk, roster: Roster, table: Table, now: float) -> None:
        self._desk = desk
        self._roster = roster
        self._table = table
        self._contacts: list[str] = []
        """Addresses to ask until one has answered."""
        self._to_ask = 0
        self._is_awaiting = False
        self._ask_at = NEVER
        self._budget = float(desk.profile.streams_a_second)
        self._budget_at = now

    @property
    def wake_at(self) -> float:
        """When the next contact is to be asked."""
        return self._ask_at

    def join(self, addresses: Iterable[str], now: float) -> None:
        """Ask these for a full set, one after the other, until one answers."""
        me = self._desk.me.address
        new = [address for address in addresses if address != me]
        self._desk.chance.shuffle(new)
        self._contacts += [address for address in new if address not in self._contacts]
        if self._contacts:
            self._to_ask = ANSWERS_MOST
            self._is_awaiting = False
            self._ask_at = now

    def tick(self, now: float) -> None:
        """Ask the next contact."""
        if now < self._ask_at:
            return
        if not self._contacts:
            self._ask_at = NEVER
            return
        self._ask_at = now + self._desk.profile.stream_retry_s
        address = self._contacts.pop(0)
        self._contacts.append(address)
        self._is_awaiting = True
        self._open(address, GossipSums())

    def compare_all(self, address: str, digest: GossipDigest, now: float) -> None:
        """Find differences that lists of recent changes do not show."""
        if not self._may(now):
            return
        self._open(address, GossipSums(digest=digest, sums=self._sums()))

    def ask_who_is_there(self, address: str, now: float) -> None:
        """Ask one who has just been found back whom it knows to be alive."""
        if self._may(now):
            # Another digest than ours, whatever theirs is: the answer has all members.
            digest = GossipDigest(members=~self._roster.total & (2**64 - 1))
            self._open(address, GossipSums(digest=digest, sums=self._sums()))

    def answered(self, now: float) -> None:
        """A set came: go on until a few have answered, since the first may know as little."""
        if not self._is_awaiting:
            return
        self._is_awaiting = False
        self._contacts.pop()
        self._to_ask -= 1
        if self._to_ask <= 0:
            self._contacts.clear()
        self._ask_at = now if self._contacts else NEVER

    # --- answers

    def answer(self, sums: GossipSums, now: float) -> Iterator[GossipFrame]:
        """Return all that differs, and ask for the same of the other."""
        if not self._may(now):
            return
        is_joining = not sums.HasField("digest")
        if is_joining or sums.digest.members != self._roster.total:
            yield from self._sets(self._roster.records())
        theirs = {total.owner_id: total.endpoints for total in sums.sums}
        mine = self._table.sums()
        differing = [
            owner
            for owner in sorted(mine.keys() | theirs.keys())
            if mine.get(owner, 0) != theirs.get(owner, 0)
        ]
        yield from self._sets(self._of_owners(differing))
        wanted = [owner for owner in differing if owner in theirs]
        for start in range(0, len(wanted), ENTRIES_MOST):
            part = GossipOwners(owner_ids=wanted[start : start + ENTRIES_MOST])
            yield GossipFrame(sender=self._signature(), owners=part)

    def give(self, owners: GossipOwners) -> Iterator[GossipFrame]:
        """Return everything of these owners."""
        yield from self._sets(self._of_owners(owners.owner_ids[:ENTRIES_MOST]))

    def _of_owners(self, owner_ids: Iterable[str]) -> Iterator[GossipEndpoint]:
        for owner_id in owner_ids:
            yield from self._table.of_owner(owner_id)

    def _sets(self, entries: Iterable[GossipRumour | GossipEndpoint]) -> Iterator[GossipFrame]:
        for part in batched(entries, ENTRIES_MOST):
            rumours = [entry for entry in part if isinstance(entry, GossipRumour)]
            endpoints = [entry for entry in part if isinstance(entry, GossipEndpoint)]
            said = GossipSet(rumours=rumours, endpoints=endpoints)
            yield GossipFrame(sender=self._signature(), set=said)

    def _signature(self) -> GossipMember:
        return GossipMember(node_id=self._desk.me.node_id)

    def _sums(self) -> list[GossipSum]:
        sums = self._table.sums()
        return [GossipSum(owner_id=owner, endpoints=sums[owner]) for owner in sorted(sums)]

    def _open(self, address: str, sums: GossipSums) -> None:
        self._desk.open_stream(address, GossipFrame(sender=self._desk.me, sums=sums))

    def _may(self, now: float) -> bool:
        most = self._desk.profile.streams_a_second
        self._budget = min(most, self._budget + (now - self._budget_at) * most)
        self._budget_at = now
        if self._budget < 1:
            return False
        self._budget -= 1
        return True


def batched(entries: Iterable[Entry], most: int) -> Iterator[list[Entry]]:
    """Return lists of up to `most`, made as they are drawn."""
    part: list[Entry] = []
    for entry in entries:
        part.append(entry)
        if len(part) == most:
            yield part
            part = []
    if part:
        yield part
