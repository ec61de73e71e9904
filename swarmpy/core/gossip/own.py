"""The endpoints of this node itself, the only ones it may write."""

from __future__ import annotations

from swarmpy.core.gossip import sensible
from swarmpy.core.gossip.desk import Desk
from swarmpy.core.gossip.events import Key
from swarmpy.core.gossip.table import Table, key_of, tombstone, versioned
from swarmpy.pb.gossip_pb2 import GossipEndpoint


class Own:
    """What was put in this life, and the count of its changes."""

    def __init__(self, desk: Desk, table: Table) -> None:
        self._desk = desk
        self._table = table
        self._put: dict[Key, GossipEndpoint] = {}
        self._epoch = desk.me.epoch
        self._sequence = 0
        self._is_settled = False

    def put(self, endpoint: GossipEndpoint, now: float) -> None:
        """Write an endpoint; the same content again is no change."""
        key = key_of(endpoint)
        wanted = versioned(endpoint, self._desk.me.node_id, 0, 0)
        wanted.removed = False
        assert sensible.is_endpoint(versioned(wanted, wanted.owner_id, 1, 1))
        if self._put.get(key) == wanted:
            return
        self._put[key] = wanted
        self._write(wanted, now)

    def remove(self, key: Key, now: float) -> None:
        """Write a tombstone, when there is something to bury."""
        self._put.pop(key, None)
        known = self._table.get(key)
        me = self._desk.me.node_id
        if known is not None and not known.removed and known.owner_id == me:
            self._write(tombstone(key, me), now)

    def settle(self, now: float) -> None:
        """Bury what earlier lives have put and this one has not."""
        self._is_settled = True
        for endpoint in self._table.of_owner(self._desk.me.node_id):
            if not endpoint.removed and key_of(endpoint) not in self._put:
                self.remove(key_of(endpoint), now)

    def leave(self, now: float) -> None:
        """Bury everything."""
        self._put.clear()
        self.settle(now)

    def answer(self, told: GossipEndpoint, now: float) -> None:
        """Someone tells this in our name, with a version that beats what we know: set it right.

        So what an earlier life or a forgotten tombstone left behind ends when we hear of it.
        """
        key = key_of(told)
        version = (told.version.epoch, told.version.sequence)
        if version[0] > self._epoch:
            self._begin_epoch(version[0] + 1, now)
        elif version[0] == self._epoch:
            self._sequence = max(self._sequence, version[1])
        if key in self._put:
            self._write(self._put[key], now)
        elif self._is_settled and not told.removed:
            self._write(tombstone(key, told.owner_id), now)

    def follow_epoch(self, now: float) -> None:
        """The swarm knew a later life of this node: say everything again in a later one still."""
        if self._desk.me.epoch > self._epoch:
            self._begin_epoch(self._desk.me.epoch, now)

    def _begin_epoch(self, epoch: int, now: float) -> None:
        self._epoch, self._sequence = epoch, 0
        for endpoint in list(self._put.values()):
            self._write(endpoint, now)

    def _write(self, endpoint: GossipEndpoint, now: float) -> None:
        self._sequence += 1
        written = versioned(endpoint, self._desk.me.node_id, self._epoch, self._sequence)
        if self._table.merge(written, now):
            self._desk.endpoints.add(key_of(written), written)
