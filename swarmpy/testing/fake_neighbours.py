"""Gossip without packets: what one node says, all others that it can reach know at once."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass, field

from swarmpy.errors import NotFound
from swarmpy.pb.gossip_pb2 import (
    GOSSIP_STATE_ALIVE,
    GOSSIP_STATE_DEAD,
    GOSSIP_STATE_LEFT,
    GOSSIP_STATE_SUSPECT,
    GossipEndpoint,
    GossipMember,
    GossipState,
    GossipVersion,
)
from swarmpy.pb.types_pb2 import GossipKeyRing
from swarmpy.seams import Clock, GossipPicture, Neighbour, ProbeResult

PICTURE_EVERY_S = 0.1


@dataclass(slots=True)
class _State:
    member: GossipMember
    state: GossipState.ValueType
    since: float
    certain: bool = True
    endpoints: dict[tuple[str, str], GossipEndpoint] = field(default_factory=dict)
    sequence: int = 0


class FakeGossip:
    """One swarm's gossip; tests decide who dies, and how surely."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.states: dict[str, _State] = {}
        self.changed = asyncio.Event()

    def set_state(
        self, node_id: str, state: GossipState.ValueType, *, certain: bool = True
    ) -> None:
        """Let everybody believe this of a node."""
        one = self.states[node_id]
        if one.state != state:
            one.since = self.clock.monotonic()
        one.state, one.certain = state, certain
        self.wake()

    def kill(self, node_id: str, *, certain: bool = True) -> None:
        self.set_state(node_id, GOSSIP_STATE_DEAD, certain=certain)

    def revive(self, node_id: str) -> None:
        self.set_state(node_id, GOSSIP_STATE_ALIVE)

    def wake(self) -> None:
        """Let all who watch look again."""
        self.changed.set()
        self.changed = asyncio.Event()

    def visible(self) -> tuple[GossipEndpoint, ...]:
        found = {
            key: endpoint
            for one in self.states.values()
            if one.state in {GOSSIP_STATE_ALIVE, GOSSIP_STATE_SUSPECT}
            for key, endpoint in one.endpoints.items()
        }
        return tuple(found[key] for key in sorted(found))

    def members(self) -> Mapping[str, Neighbour]:
        now = self.clock.monotonic()
        return {
            node_id: Neighbour(one.member, one.state, now - one.since, one.certain)
            for node_id, one in sorted(self.states.items())
        }

    def table_hash(self) -> int:
        texts = sorted(
            endpoint.SerializeToString(deterministic=True)
            for one in self.states.values()
            for endpoint in one.endpoints.values()
        )
        return int.from_bytes(hashlib.sha256(b"".join(texts)).digest()[:8])


class FakeNeighbours:
    """Implements `seams.Neighbours` for one node, which is known to all once it has keys."""

    def __init__(self, gossip: FakeGossip, node_id: str, address: str, epoch: int = 1) -> None:
        self.gossip = gossip
        self.keys = GossipKeyRing()
        self.joined: list[str] = []
        self._me = GossipMember(node_id=node_id, address=address, epoch=epoch)
        self._endpoints: list[GossipEndpoint] = []

    @property
    def picture(self) -> GossipPicture:
        if not self.keys.keys:
            return GossipPicture({}, (), 0, 0, 0, {})
        gossip = self.gossip
        return GossipPicture(gossip.members(), gossip.visible(), gossip.table_hash(), 0, 0, {})

    async def watch(self) -> AsyncGenerator[GossipPicture, None]:
        while True:
            changed = self.gossip.changed
            yield self.picture
            await self.gossip.clock.sleep(PICTURE_EVERY_S)
            await changed.wait()

    def put_all(self, endpoints: Iterable[GossipEndpoint]) -> None:
        self._endpoints = [_copy(endpoint) for endpoint in endpoints]
        self._tell()

    def describe(self, *, api_address: str, term: int, leader_id: str) -> None:
        said = (self._me.api_address, self._me.term, self._me.leader_id)
        if said != (api_address, term, leader_id):
            me = GossipMember(api_address=api_address, term=term, leader_id=leader_id)
            me.incarnation = self._me.incarnation + 1
            me.node_id, me.address, me.epoch = self._me.node_id, self._me.address, self._me.epoch
            self._me = me
            self._tell()

    def set_keys(self, ring: GossipKeyRing) -> None:
        self.keys = ring
        self._tell()

    def join(self, addresses: Iterable[str]) -> None:
        self.joined.extend(addresses)

    def forget(self, node_id: str) -> None:
        self.gossip.states.pop(node_id, None)
        self.gossip.wake()

    async def leave(self) -> None:
        if self._me.node_id in self.gossip.states:
            self.gossip.set_state(self._me.node_id, GOSSIP_STATE_LEFT)

    async def probe(self, node_id: str) -> ProbeResult:
        one = self.gossip.states.get(node_id)
        if one is None:
            raise NotFound(f"gossip knows no node {node_id}")
        answers = one.state == GOSSIP_STATE_ALIVE
        return ProbeResult(0.001, 0.002) if answers else ProbeResult(None, None)

    def _tell(self) -> None:
        """Say everything, as a real one would to whoever asks."""
        if not self.keys.keys:
            return
        now = self.gossip.clock.monotonic()
        one = self.gossip.states.setdefault(
            self._me.node_id, _State(self._me, GOSSIP_STATE_ALIVE, now)
        )
        one.member = self._me
        wanted = {(each.network_id, each.task_id): each for each in self._endpoints}
        for key in [key for key in one.endpoints if key not in wanted]:
            del one.endpoints[key]
        for key, endpoint in wanted.items():
            self._put(one, key, endpoint)
        self.gossip.wake()

    def _put(self, one: _State, key: tuple[str, str], endpoint: GossipEndpoint) -> None:
        told = one.endpoints.get(key)
        told_content = _copy(told) if told is not None else None
        if told_content is not None:
            told_content.ClearField("version")
        said = _copy(endpoint)
        said.ClearField("version")
        said.owner_id = self._me.node_id
        if said != told_content:
            one.sequence += 1
            said.version.CopyFrom(GossipVersion(epoch=self._me.epoch, sequence=one.sequence))
            one.endpoints[key] = said


def _copy(endpoint: GossipEndpoint) -> GossipEndpoint:
    copy = GossipEndpoint()
    copy.CopyFrom(endpoint)
    return copy
