"""Managers that agree at once: one log in memory, whoever the test says leads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

from swarmpy.errors import NotLeader, OutcomeUnknown
from swarmpy.seams import Leadership, StateMachine


class FakeQuorum:
    """What its members share."""

    def __init__(self) -> None:
        self.leader_id: str | None = None
        self.term = 0
        self.addresses: dict[str, str] = {}
        self.unreachable: set[str] = set()
        self.machines: dict[str, StateMachine] = {}
        self.entries: list[bytes] = []
        self.changed = asyncio.Event()
        self.transfers: list[str] = []
        self.failing = False
        """Proposals end in doubt."""
        self.proposing: asyncio.Event | None = None
        """Set, it holds proposals back until it is set."""

    def member(self, node_id: str, machine: StateMachine) -> FakeConsensus:
        """Add a member that has everything so far."""
        for index, entry in enumerate(self.entries, start=1):
            machine.apply(index, entry)
        self.machines[node_id] = machine
        self.addresses[node_id] = f"{node_id}:2377"
        return FakeConsensus(self, node_id)

    def lead(self, node_id: str | None) -> None:
        self.leader_id = node_id
        self.term += 1
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()


class FakeConsensus:
    """Implements `seams.Consensus`."""

    def __init__(self, quorum: FakeQuorum, node_id: str) -> None:
        self._quorum = quorum
        self.node_id = node_id

    @property
    def leadership(self) -> Leadership:
        quorum = self._quorum
        return Leadership(quorum.term, quorum.leader_id, quorum.leader_id == self.node_id)

    async def watch_leadership(self) -> AsyncIterator[Leadership]:
        while True:
            changed = self._quorum.changed
            yield self.leadership
            await changed.wait()

    def members(self) -> Mapping[str, str]:
        return dict(self._quorum.addresses)

    def reachable(self) -> frozenset[str]:
        return frozenset(self._quorum.addresses) - self._quorum.unreachable

    async def propose(self, entry: bytes) -> int:
        self._require_lead()
        await asyncio.sleep(0)
        if self._quorum.proposing is not None:
            await self._quorum.proposing.wait()
        if self._quorum.failing or self._quorum.leader_id != self.node_id:
            raise OutcomeUnknown("the leader lost its lead")
        self._quorum.entries.append(entry)
        index = len(self._quorum.entries)
        for machine in self._quorum.machines.values():
            machine.apply(index, entry)
        return index

    async def read_barrier(self) -> None:
        self._require_lead()
        await asyncio.sleep(0)

    async def add_member(self, node_id: str, address: str) -> None:
        self._require_lead()
        self._quorum.addresses[node_id] = address

    async def remove_member(self, node_id: str) -> None:
        self._require_lead()
        del self._quorum.addresses[node_id]

    async def transfer_leadership(self) -> None:
        self._require_lead()
        self._quorum.transfers.append(self.node_id)
        others = sorted(self.reachable() - {self.node_id})
        if others:
            self._quorum.lead(others[0])

    def _require_lead(self) -> None:
        if self._quorum.leader_id != self.node_id:
            raise NotLeader.ask("")
