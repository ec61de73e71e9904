"""Changes who votes, one member at a time, and hands over the lead.

    add:     teach ──> caught up ──> entry with the new members ──> committed
    remove:  entry without it ──> committed ──> teach until it knows ──> let go

An addition counts towards the quorum only when the newcomer has the log, so a newcomer that
never answers stops nobody. Two changes at once could make two majorities that do not meet;
one at a time cannot. Source: Ongaro 2014, chapter 4.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from swarmpy.errors import NotLeader, StorageFull, TimedOut, Unavailable, WrongState
from swarmpy.raft.adapter import Role
from swarmpy.raft.commands import Members, Voter, membership
from swarmpy.raft.member import Member
from swarmpy.raft.settings import RaftSettings
from swarmpy.seams import Clock

NEARLY = 64
"""Entries that a newcomer may lack when it becomes a voter. Raised: the first commits with it
take longer; lowered: under load it may never get in."""


class Membership:
    """All of it raises NotLeader where this member does not lead fully."""

    def __init__(
        self,
        member: Member,
        propose: Callable[[bytes], Awaitable[int]],
        clock: Clock,
        settings: RaftSettings,
    ) -> None:
        self._member = member
        self._propose = propose
        self._clock = clock
        self._settings = settings
        self._one_at_a_time = asyncio.Lock()

    async def add(self, node_id: str, address: str) -> None:
        """Make a node a voter, or move one to another address.

        Raises:
            TimedOut: it did not get the log in time; nothing has changed.
            WrongState: it is a member, and has lost the log that it joined with.
            And as `propose`.
        """
        log_ids = self._member.log_ids
        async with self._one_at_a_time:
            voter = (await self._settled()).get(node_id)
            if log_ids.has_lost(node_id):
                raise WrongState(
                    f"{node_id} is a manager, but has lost its log: it cannot take part again",
                    remedy=f"swarmpy node demote {node_id}, then promote it",
                )
            if voter is not None and voter.address == address:
                return
            try:
                if voter is None:
                    await self._catch_up(node_id, address)
                members = await self._settled()
                log_id = voter.log_id if voter else log_ids.of(node_id)
                await self._propose(membership({**members, node_id: Voter(address, log_id)}))
            finally:
                self._member.voters.stop_teaching(node_id)

    async def remove(self, node_id: str) -> None:
        """Take a voter out, this member too: it steps down when that is committed.

        Raises:
            WrongState: it is the last one.
            And as `propose`.
        """
        async with self._one_at_a_time:
            members = dict(await self._settled())
            voter = members.pop(node_id, None)
            if voter is None:
                return
            if not members:
                raise WrongState(
                    f"{node_id} is the last manager of this swarm",
                    remedy="make another node a manager first",
                )
            if node_id != self._member.node_id:
                self._member.voters.teach(node_id, voter.address)
            try:
                index = await self._propose(membership(members))
                await self._until(
                    lambda: self._knows(node_id, index), self._settings.election_min_s
                )
                if self._leads():
                    core = self._member.core
                    self._member.replication.tell_commit(core.term, core.commit_index)
            finally:
                self._member.voters.stop_teaching(node_id)

    async def transfer(self) -> None:
        """Hand the lead to the most up-to-date follower.

        Raises:
            Unavailable: none could take it; this member leads on.
        """
        member = self._leading()
        member.proposals.paused = True
        try:
            limit_s = self._settings.election_min_s
            if await self._until(self._someone_has_all, limit_s):
                successor = member.replication.most_advanced(member.log.members)
                if successor is not None:
                    member.replication.hand_over(successor, member.core.term)
                    await self._until(lambda: not self._leads(), self._settings.election_max_s)
        finally:
            member.proposals.paused = False
        if self._leads():
            raise Unavailable(
                "no other manager could take over the lead",
                remedy="look at the other managers, then repeat the command",
            )

    async def note_log_ids(self) -> None:
        """Put into the membership whose log ids are lacking there, until cancelled: of first
        members, and of those that joined before logs had ids.
        """
        while True:
            await self._clock.sleep(self._settings.election_max_s)
            if not self._member.core.leads_fully:
                continue
            if self._with_log_ids() == self._member.log.members:
                continue
            async with self._one_at_a_time:
                with contextlib.suppress(Unavailable, StorageFull):
                    await self._settled()
                    await self._propose(membership(self._with_log_ids()))

    # --- inside

    def _with_log_ids(self) -> Members:
        return self._member.log_ids.noted(self._member.log.members)

    async def _settled(self) -> Members:
        """Return the members once they are committed: nothing is under way then."""
        raft_log = self._leading().log
        core = self._member.core
        await self._until(
            lambda: core.commit_index >= raft_log.members_index, self._settings.election_max_s
        )
        self._leading()
        if core.commit_index < raft_log.members_index:
            raise Unavailable(
                "another change of managers is not finished",
                remedy="repeat the command when it is",
            )
        return raft_log.members

    async def _catch_up(self, node_id: str, address: str) -> None:
        self._member.voters.teach(node_id, address)
        await self._until(lambda: self._has_caught_up(node_id), self._settings.catch_up_s)
        self._leading()
        if not self._has_caught_up(node_id):
            raise TimedOut(
                f"{node_id} at {address} did not get the log within "
                f"{self._settings.catch_up_s:g} s; it is not a manager",
                remedy="check that it runs and that its cluster port is open to this node",
            )

    def _has_caught_up(self, node_id: str) -> bool:
        progress = self._member.replication.progress.get(node_id)
        if progress is None or not progress.match_index:
            return False
        return progress.match_index + NEARLY >= self._member.log.last_index

    def _knows(self, node_id: str, index: int) -> bool:
        progress = self._member.replication.progress.get(node_id)
        return progress is None or progress.match_index >= index

    def _someone_has_all(self) -> bool:
        successor = self._member.replication.most_advanced(self._member.log.members)
        if successor is None:
            return False
        held = self._member.replication.durable()[successor]
        return held == self._member.log.last_index

    def _leads(self) -> bool:
        return self._member.core.role is Role.LEADER

    def _leading(self) -> Member:
        if not self._member.core.leads_fully:
            raise NotLeader.ask(self._member.leader_address)
        return self._member

    async def _until(self, condition: Callable[[], bool], limit_s: float) -> bool:
        """Look again and again while this member leads; False when time is up or it is not."""
        end = self._clock.monotonic() + limit_s
        while not condition():
            if not self._leads() or self._clock.monotonic() >= end:
                return False
            await self._clock.sleep(self._settings.tick_s)
        return True
