"""The endpoints of a swarm as one node knows them: one writer for each key, its owner.

    entry of an owner   up        shown
                        away      hidden, and kept for hidden_s
                        unknown   the same: it is shown once its owner is known

Merging takes the larger of two entries in one total order (version, owner, fingerprint), so
that the order of arrival, repetition and company of entries do not matter.

A removed endpoint stays as a tombstone for tombstone_s. That is long enough: a copy of the
endpoint that outlived it would sit at a node that heard nothing of the owner's side for all
that time, which therefore took the owner for dead, and drops what is hidden after hidden_s,
half of it. Tombstones are not in the hash, so that nodes need not drop them at one moment.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from swarmpy.core.gossip import fingerprint
from swarmpy.core.gossip.desk import Desk
from swarmpy.core.gossip.events import EndpointChanged, EndpointGone, EndpointHidden, Key
from swarmpy.core.gossip.recent import Recent
from swarmpy.pb.gossip_pb2 import GossipEndpoint, GossipVersion


class Entry:
    """One endpoint or tombstone."""

    __slots__ = ("endpoint", "print", "rank", "since")

    def __init__(self, endpoint: GossipEndpoint, now: float) -> None:
        version = endpoint.version
        self.endpoint = endpoint
        self.print = fingerprint.of_endpoint(endpoint)
        self.rank = (version.epoch, version.sequence, endpoint.owner_id, self.print)
        """The larger holds."""
        self.since = now


class Owner:
    """All entries of one node."""

    __slots__ = ("away_since", "keys", "total")

    def __init__(self, away_since: float | None) -> None:
        self.keys: set[Key] = set()
        self.total = 0
        """XOR of the fingerprints of all but tombstones."""
        self.away_since = away_since
        """None while the owner is up."""


def key_of(endpoint: GossipEndpoint) -> Key:
    return (endpoint.network_id, endpoint.task_id)


def tombstone(key: Key, owner_id: str) -> GossipEndpoint:
    """Return what stands for a removed endpoint; the version is filled in later."""
    return GossipEndpoint(network_id=key[0], task_id=key[1], owner_id=owner_id, removed=True)


class Table:
    """Entries by key, and by owner."""

    def __init__(self, desk: Desk) -> None:
        self.total = 0
        """XOR of the fingerprints of all but tombstones."""
        profile = desk.profile
        self.recent: Recent[Key] = Recent(profile.recent_s, profile.recent_entries)
        self._desk = desk
        self._entries: dict[Key, Entry] = {}
        self._owners: dict[str, Owner] = {}
        self._up: set[str] = {desk.me.node_id}
        self._lapsed: dict[str, None] = {}
        """Owners whose entries were dropped: none is taken before they are up again."""
        self._tombstones: deque[tuple[float, Key]] = deque()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Key) -> GossipEndpoint | None:
        """Return an endpoint or a tombstone, hidden or not."""
        entry = self._entries.get(key)
        return entry.endpoint if entry else None

    def shown(self) -> Iterator[GossipEndpoint]:
        """Return what is there and whose owner is up."""
        for owner in list(self._owners.values()):
            if owner.away_since is None:
                for key in list(owner.keys):
                    entry = self._entries.get(key)
                    if entry is not None and not entry.endpoint.removed:
                        yield entry.endpoint

    def of_owner(self, node_id: str) -> list[GossipEndpoint]:
        """Return everything in one owner's name, tombstones too."""
        owner = self._owners.get(node_id)
        return [self._entries[key].endpoint for key in sorted(owner.keys)] if owner else []

    def sums(self) -> dict[str, int]:
        """Return each owner's total; owners of nothing but tombstones have 0."""
        return {node_id: owner.total for node_id, owner in self._owners.items()}

    # --- entries

    def is_news(self, endpoint: GossipEndpoint) -> bool:
        """Whether it is worth a merge: cheap, and sometimes wrongly true."""
        old = self._entries.get(key_of(endpoint))
        return old is None or not _is_older(endpoint, old)

    def merge(self, endpoint: GossipEndpoint, now: float) -> bool:
        """Take in an entry, from anywhere and in any order; return whether it was news.

        The message is kept: it must not be part of a larger one, nor change.
        """
        key = key_of(endpoint)
        old = self._entries.get(key)
        if old is not None and _is_older(endpoint, old):
            return False
        owner = self._owner_for(endpoint, key, now)
        if owner is None:
            return False
        new = Entry(endpoint, now)
        if old is not None and new.rank <= old.rank:
            return False
        if old is not None:
            self._take_out(key, old)
        self._put_in(key, new, owner, now)
        self._tell(key, old, new, owner)
        self._desk.changed_at = now
        return True

    def _owner_for(self, endpoint: GossipEndpoint, key: Key, now: float) -> Owner | None:
        """Return whose list it goes to; None when it is not taken."""
        owner_id = endpoint.owner_id
        if owner_id in self._lapsed:
            return None
        if key not in self._entries and len(self._entries) >= self._desk.profile.endpoints_max:
            return None
        owner = self._owners.get(owner_id)
        if owner is None:
            owner = self._owners[owner_id] = Owner(None if owner_id in self._up else now)
        return owner

    def _put_in(self, key: Key, entry: Entry, owner: Owner, now: float) -> None:
        self._entries[key] = entry
        owner.keys.add(key)
        self.recent.note(entry.print, key, now)
        if entry.endpoint.removed:
            self._tombstones.append((now, key))
        else:
            owner.total ^= entry.print
            self.total ^= entry.print

    def _take_out(self, key: Key, entry: Entry) -> None:
        owner = self._owners[entry.endpoint.owner_id]
        owner.keys.discard(key)
        self.recent.drop(entry.print)
        if not entry.endpoint.removed:
            owner.total ^= entry.print
            self.total ^= entry.print

    def _tell(self, key: Key, old: Entry | None, new: Entry, owner: Owner) -> None:
        if new.endpoint.removed:
            if old is not None and not old.endpoint.removed:
                self._desk.events.append(EndpointGone(key))
        elif owner.away_since is None:
            self._desk.events.append(EndpointChanged(new.endpoint))

    # --- owners

    def show(self, node_id: str) -> None:
        """An owner is up: so is all it owns."""
        self._up.add(node_id)
        self._lapsed.pop(node_id, None)
        owner = self._owners.get(node_id)
        if owner is None or owner.away_since is None:
            return
        owner.away_since = None
        for endpoint in self.of_owner(node_id):
            if not endpoint.removed:
                self._desk.events.append(EndpointChanged(endpoint))

    def hide(self, node_id: str, now: float) -> None:
        """An owner is away: nothing is lost, and nothing of it shown."""
        self._up.discard(node_id)
        owner = self._owners.get(node_id)
        if owner is None or owner.away_since is not None:
            return
        owner.away_since = now
        for endpoint in self.of_owner(node_id):
            if not endpoint.removed:
                self._desk.events.append(EndpointHidden(key_of(endpoint)))

    def forget(self, node_id: str) -> None:
        """Drop all of an owner, and take nothing of it before it is up again."""
        self._up.discard(node_id)
        self._lapsed[node_id] = None
        while len(self._lapsed) > self._desk.profile.members_max:
            del self._lapsed[next(iter(self._lapsed))]
        owner = self._owners.get(node_id)
        if owner is None:
            return
        for key in sorted(owner.keys):
            entry = self._entries.pop(key)
            self._take_out(key, entry)
            if not entry.endpoint.removed:
                self._desk.events.append(EndpointGone(key))
        del self._owners[node_id]

    def reap(self, now: float) -> None:
        """Drop what has been remembered for long enough."""
        profile = self._desk.profile
        while self._tombstones and now - self._tombstones[0][0] > profile.tombstone_s:
            at, key = self._tombstones.popleft()
            entry = self._entries.get(key)
            if entry is not None and entry.endpoint.removed and entry.since == at:
                del self._entries[key]
                self._take_out(key, entry)
        for node_id, owner in list(self._owners.items()):
            if owner.away_since is not None and now - owner.away_since > profile.hidden_s:
                self.forget(node_id)


def _is_older(endpoint: GossipEndpoint, entry: Entry) -> bool:
    """Say so without a fingerprint, which most repetitions are not worth."""
    version = (endpoint.version.epoch, endpoint.version.sequence)
    known = entry.rank[:2]
    return version < known or (version == known and endpoint == entry.endpoint)


def versioned(endpoint: GossipEndpoint, owner_id: str, epoch: int, sequence: int) -> GossipEndpoint:
    """Return a copy in an owner's name."""
    copy = GossipEndpoint()
    copy.CopyFrom(endpoint)
    copy.owner_id = owner_id
    copy.version.CopyFrom(GossipVersion(epoch=epoch, sequence=sequence))
    return copy
