"""What a gossip process has not told its daemon yet; pieces are made when the pipe has room.

Nothing is queued but names: a piece says what holds when it is made, so a daemon that lags costs
no memory and misses nothing but what is over.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeVar

from swarmpy.core.gossip.events import (
    EndpointChanged,
    EndpointGone,
    EndpointHidden,
    Event,
    Key,
    MemberBack,
    MemberChanged,
    MemberDead,
    MemberJoined,
    MemberLeft,
    MemberSuspected,
)
from swarmpy.core.gossip.gossip import Gossip
from swarmpy.pb.gossip_local_pb2 import (
    GossipChanges,
    GossipEndpointKey,
    GossipNeighbour,
    GossipPulse,
    GossipReport,
    GossipSighting,
)
from swarmpy.pb.gossip_pb2 import GossipEndpoint

K = TypeVar("K")

ENTRIES_A_PIECE: Final = 200
LOOK_AGAIN_S: Final = 10.0
"""How often all members are compared, for what no event tells: who was dropped for good."""


class Report:
    """One core's."""

    def __init__(self, core: Gossip) -> None:
        self._core = core
        self._members: dict[str, None] = {core.me.node_id: None}
        self._endpoints: dict[Key, GossipEndpoint | None] = {}
        self._told: set[str] = set()
        self._pulse = GossipPulse()
        self._looked_at = 0.0

    def heard(self, events: Iterable[Event]) -> None:
        """Note what has changed."""
        for event in events:
            match event:
                case MemberJoined(member) | MemberChanged(member) | MemberBack(member):
                    self._members[member.node_id] = None
                case MemberSuspected(node_id) | MemberDead(node_id) | MemberLeft(node_id):
                    self._members[node_id] = None
                case EndpointChanged(endpoint):
                    self._endpoints[endpoint.network_id, endpoint.task_id] = endpoint
                case EndpointHidden(key) | EndpointGone(key):
                    self._endpoints[key] = None

    def look_at(self, node_id: str) -> None:
        """Note that a member may have changed, or be forgotten."""
        self._members[node_id] = None

    def pieces(self, now: float, dropped: Mapping[str, int]) -> Iterator[GossipReport]:
        """Make what is to be told; each piece counts as told when it is drawn."""
        if now - self._looked_at > LOOK_AGAIN_S:
            self._looked_at = now
            self._members.update(dict.fromkeys([*self._told, self._core.me.node_id]))
        is_news = bool(self._members or self._endpoints)
        while self._members:
            yield GossipReport(sighting=self._sighting(now))
        while self._endpoints:
            yield GossipReport(changes=self._changes())
        pulse = GossipPulse(
            table_hash=self._core.table_hash,
            health=self._core.health,
            malformed=self._core.malformed,
            dropped=dropped,
        )
        if is_news or pulse != self._pulse:
            self._pulse = pulse
            yield GossipReport(pulse=pulse)

    def _sighting(self, now: float) -> GossipSighting:
        sighting = GossipSighting()
        for node_id in _some(self._members):
            del self._members[node_id]
            view = self._core.member(node_id, now)
            if view is not None:
                self._told.add(node_id)
                sighting.members.append(
                    GossipNeighbour(
                        member=view.member,
                        state=view.state,
                        age_s=view.age_s,
                        certain=view.certain,
                    )
                )
            elif node_id in self._told:
                self._told.discard(node_id)
                sighting.forgotten.append(node_id)
        return sighting

    def _changes(self) -> GossipChanges:
        changes = GossipChanges()
        for key in _some(self._endpoints):
            endpoint = self._endpoints.pop(key)
            if endpoint is None:
                changes.gone.append(GossipEndpointKey(network_id=key[0], task_id=key[1]))
            else:
                changes.put.append(endpoint)
        return changes


def _some(names: Mapping[K, object]) -> list[K]:
    return list(itertools.islice(names, ENTRIES_A_PIECE))
