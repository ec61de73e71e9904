"""People who change the members meanwhile: add, remove, remove the leader, hand over the lead."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from swarmpy.errors import SwarmPyError
from swarmpy.raft.node import RaftNode
from swarmpy.testing.raft_sim.quorum import Quorum

PAUSE_S = (0.2, 1.2)
FEWEST, MOST = 3, 6
PATIENCE_S = 4.0


class Operators:
    """One change after the other; each may fail, or end without anybody knowing how."""

    def __init__(self, quorum: Quorum) -> None:
        self._quorum = quorum
        self._rng = quorum.rng("operators")

    async def run(self) -> None:
        """Change this and that until cancelled; a lost member is replaced first."""
        while True:
            await asyncio.sleep(self._rng.uniform(*PAUSE_S))
            if self._quorum.replacing is not None:
                await self.replace_lost()
            elif self._quorum.changes_members:
                await self._change()
            elif self._rng.random() < 0.3:
                await self._transfer()

    async def replace_lost(self) -> bool:
        """Take out the member whose disk is lost; False when that was not possible now."""
        lost = self._quorum.replacing
        if lost is not None and await self._remove(lost):
            self._quorum.replacing = None
        return self._quorum.replacing is None

    async def _change(self) -> None:
        members = self._members()
        kinds = [self._transfer]
        if len(members) > FEWEST:
            kinds += [self._remove_any, self._remove_leader]
        if len(self._quorum.members) < MOST:
            kinds += [self._add, self._add]
        await self._rng.choice(kinds)()

    async def _add(self) -> None:
        """Add a new member, or one whose addition ended in the unknown."""
        known = self._members()
        strangers = [m for name, m in self._quorum.members.items() if name not in known]
        newcomer = strangers[0] if strangers else self._quorum.add()
        if newcomer.node is None:
            await newcomer.start()
        await self._do(
            f"add {newcomer.name}", lambda node: node.add_member(newcomer.name, newcomer.address)
        )

    async def _remove_any(self) -> None:
        await self._remove(self._rng.choice(self._members()))

    async def _remove_leader(self) -> None:
        leader = self._quorum.leader()
        if leader is not None:
            await self._remove(leader.name)

    async def _remove(self, name: str) -> bool:
        """Remove a member and stop it, once the removal is known to be committed."""
        done = await self._do(f"remove {name}", lambda node: node.remove_member(name))
        if done and name in self._quorum.members:
            await asyncio.sleep(self._rng.uniform(0.0, 0.5))
            await self._quorum.retire(name)
        return done

    async def _transfer(self) -> None:
        await self._do("transfer", lambda node: node.transfer_leadership())

    async def _do(self, what: str, work: Callable[[RaftNode], Awaitable[None]]) -> bool:
        """Ask the leader; False when it failed or nobody knows."""
        leader = self._quorum.leader()
        if leader is None:
            return False
        serving = leader.serve(work)
        await asyncio.wait([serving], timeout=PATIENCE_S)
        known = serving.done() and not serving.cancelled()
        answer = serving.result() if known else "unknown"
        said = type(answer).__name__ if isinstance(answer, SwarmPyError) else answer
        self._quorum.story.tell("OPERATOR", what=what, leader=leader.name, answer=said)
        return answer is None

    def _members(self) -> list[str]:
        """Return the members as the leader knows them; all there are when nobody leads."""
        leader = self._quorum.leader()
        if leader is None or leader.node is None:
            return sorted(self._quorum.members)
        return sorted(leader.node.members())
