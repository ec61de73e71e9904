"""One manager's seat in the swarm: what its handlers and duties all work with."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from swarmpy.errors import Conflict, NotLeader
from swarmpy.ids import IdSource
from swarmpy.manager.settings import ManagerSettings
from swarmpy.pb.objects_pb2 import Node
from swarmpy.seams import Clock, Consensus, Neighbours
from swarmpy.security.certificates import Authority
from swarmpy.store.editor import Editor
from swarmpy.store.store import Store
from swarmpy.store.view import View

T = TypeVar("T")

HEARTBEAT_S = 2.0
TRIES = 10
"""How often a write is decided anew because what it was decided on had changed."""


@dataclass(frozen=True, slots=True)
class Seat:
    """The store, this manager's place in the quorum, and the sources of time and chance."""

    store: Store
    consensus: Consensus
    clock: Clock
    ids: IdSource
    rng: random.Random
    """Secrets of tokens come from it: in production a `random.SystemRandom`."""
    neighbours: Neighbours
    """What this node's gossip says; a hint, never the truth."""
    settings: ManagerSettings = field(default_factory=ManagerSettings)
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def node_id(self) -> str:
        return self.consensus.node_id

    @property
    def now_ms(self) -> int:
        return int(self.clock.now() * 1000)

    @property
    def heartbeat_s(self) -> float:
        """Seconds between an agent's heartbeats. Raises NotFound before there is a swarm."""
        return self.store.view.cluster.spec.heartbeat_s or HEARTBEAT_S

    @property
    def leads(self) -> bool:
        return self.consensus.leadership.is_self

    def require_lead(self) -> None:
        """Raise NotLeader, naming whom to ask, unless this manager leads."""
        if not self.leads:
            raise self.not_leader()

    def not_leader(self) -> NotLeader:
        return NotLeader.ask(self.leader_address())

    def leader_address(self) -> str:
        """Return the leader's API address, or "" while it is not known."""
        leader = self.store.view.nodes.find(self.consensus.leadership.leader_id or "")
        return leader.manager.api_address if leader is not None else ""

    def managers(self) -> list[Node]:
        """Return the nodes that are managers now: the leader first, then this one."""
        first = (self.consensus.leadership.leader_id, self.node_id)
        managers = self.store.view.nodes.by("manager", "yes")
        return sorted(managers, key=lambda node: [node.id != one for one in first])

    def api_addresses(self) -> list[str]:
        """Return where the managers serve gRPC, the leader's first."""
        return [node.manager.api_address for node in self.managers()]

    def authority(self) -> Authority:
        """Return the swarm's certificate authority. Raises NotFound before there is a swarm."""
        cluster = self.store.view.cluster
        return Authority(cluster.ca_certificate_pem, cluster.ca_key_pem)

    async def read(self) -> View:
        """Return the view once it holds every acknowledged write. Raises NotLeader."""
        await self.consensus.read_barrier()
        return self.store.view

    async def write(self, decide: Callable[[Editor], T]) -> T:
        """Commit what `decide` writes and return what it returned.

        One write at a time: a name that `decide` saw free is still free when its row is made.
        What `decide` raises goes through, and nothing is written.

        Raises:
            NotLeader, OutcomeUnknown, StorageFull: as `Consensus.propose`.
            Conflict: what it was decided on changed ten times over.
        """
        async with self._writing:
            for tries_left in reversed(range(TRIES)):
                self.require_lead()
                try:
                    async with self.store.update() as tx:
                        result = decide(tx)
                except Conflict:
                    if not tries_left:
                        raise
                else:
                    return result
        raise AssertionError("the last try returns or raises")
