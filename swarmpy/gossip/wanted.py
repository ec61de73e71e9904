"""What a daemon wants told, kept so that a new gossip process can be told all of it."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from swarmpy.gossip.report import ENTRIES_A_PIECE
from swarmpy.pb.gossip_local_pb2 import (
    GossipChanges,
    GossipDescription,
    GossipEndpointKey,
    GossipJoin,
    GossipOrder,
)
from swarmpy.pb.gossip_pb2 import GossipEndpoint, GossipMember
from swarmpy.pb.types_pb2 import GossipKeyRing

JOIN_MAX: Final = 32
"""Addresses that a process is told to ask."""
FORGOTTEN_MAX: Final = 256
"""Removed nodes that a new process is told of; by then the others have forgotten the rest."""

Key: TypeAlias = tuple[str, str]


class Wanted:
    """Each setter returns the orders that a process needs that was told all before."""

    def __init__(self) -> None:
        self.keys = GossipKeyRing()
        self._endpoints: dict[Key, GossipEndpoint] | None = None
        self._description = GossipDescription()
        self._join: dict[str, None] = {}
        self._forgotten: deque[str] = deque(maxlen=FORGOTTEN_MAX)

    def set_keys(self, ring: GossipKeyRing) -> Iterator[GossipOrder]:
        if ring != self.keys:
            self.keys = GossipKeyRing()
            self.keys.CopyFrom(ring)
            yield GossipOrder(keys=self.keys)

    def describe(self, description: GossipDescription) -> Iterator[GossipOrder]:
        if description != self._description:
            self._description = description
            yield GossipOrder(description=description)

    def join(self, addresses: Iterable[str]) -> Iterator[GossipOrder]:
        """The newest addresses are asked first, and kept longest."""
        fresh = list(dict.fromkeys(addresses))[:JOIN_MAX]
        known = [address for address in self._join if address not in fresh]
        is_news = any(address not in self._join for address in fresh)
        self._join = dict.fromkeys([*fresh, *known][:JOIN_MAX])
        if is_news:
            yield _join(fresh)

    def forget(self, node_id: str) -> Iterator[GossipOrder]:
        if node_id not in self._forgotten:
            self._forgotten.append(node_id)
            yield GossipOrder(forget=node_id)

    def put_all(self, endpoints: Iterable[GossipEndpoint]) -> Iterator[GossipOrder]:
        before = self._endpoints
        wanted = {(one.network_id, one.task_id): _said(one) for one in endpoints}
        put = [one for key, one in wanted.items() if before is None or before.get(key) != one]
        gone = [key for key in before or () if key not in wanted]
        self._endpoints = wanted
        if before is None or put or gone:
            yield from _changes(put, gone)

    def everything(self, more_addresses: Iterable[str]) -> Iterator[GossipOrder]:
        """Return the orders for a process that knows the keys and nothing else."""
        addresses = list(dict.fromkeys([*self._join, *more_addresses]))[:JOIN_MAX]
        if self._description != GossipDescription():
            yield GossipOrder(description=self._description)
        for node_id in self._forgotten:
            yield GossipOrder(forget=node_id)
        if addresses:
            yield _join(addresses)
        if self._endpoints is not None:
            yield from _changes(list(self._endpoints.values()), [])


def _said(endpoint: GossipEndpoint) -> GossipEndpoint:
    copy = GossipEndpoint()
    copy.CopyFrom(endpoint)
    copy.ClearField("version")
    copy.ClearField("owner_id")
    return copy


def _join(addresses: Iterable[str]) -> GossipOrder:
    members = [GossipMember(address=address) for address in addresses]
    return GossipOrder(join=GossipJoin(members=members))


def _changes(put: list[GossipEndpoint], gone: list[Key]) -> Iterator[GossipOrder]:
    """Yield pieces; the last one says that it is."""
    items: list[GossipEndpoint | Key] = [*gone, *put]
    for start in itertools.count(0, ENTRIES_A_PIECE):
        piece = items[start : start + ENTRIES_A_PIECE]
        changes = GossipChanges(whole=start + ENTRIES_A_PIECE >= len(items))
        for item in piece:
            if isinstance(item, GossipEndpoint):
                changes.put.append(item)
            else:
                changes.gone.append(GossipEndpointKey(network_id=item[0], task_id=item[1]))
        yield GossipOrder(changes=changes)
        if changes.whole:
            return
