"""The members of one simulated quorum, their network, and who judges them."""

from __future__ import annotations

import asyncio
import random

from swarmpy.errors import StorageCorrupt
from swarmpy.raft.node import RaftNode
from swarmpy.task_group import TaskGroup
from swarmpy.testing.raft_sim.anatomy import core_of
from swarmpy.testing.raft_sim.judge import Judge
from swarmpy.testing.raft_sim.member import SYNC_S, SimulatedMember
from swarmpy.testing.raft_sim.network import HostileNetwork
from swarmpy.testing.story import Story

SIZES = (3, 3, 5)
LOOK_S = 0.25
"""Between two comparisons of all logs."""

SETTLE_S = 15.0
"""How long all may take to agree once nothing disturbs them: several lost elections, and every
log brought up to date."""


class Quorum:
    """Founders called m1, m2...; in half of all seeds others come and go."""

    def __init__(self, seed: int, tasks: TaskGroup) -> None:
        self.seed = seed
        rng = self.rng("quorum")
        self.changes_members = rng.random() < 0.5
        in_order = rng.random() < 0.5
        self.tasks = tasks
        self.story = Story(asyncio.get_running_loop())
        self.judge = Judge(self.story)
        self.network = HostileNetwork(self.rng("network"), in_order=in_order)
        self.members: dict[str, SimulatedMember] = {}
        self.gone: dict[str, SimulatedMember] = {}
        """Members that were removed and stopped."""
        self.replacing: str | None = None
        """A member whose disk is lost, and that is to be removed."""
        self._size = rng.choice(SIZES)
        self.story.tell("QUORUM", seed=seed, size=self._size, in_order=in_order)

    def rng(self, purpose: str) -> random.Random:
        """Return a source of chance of its own, so that no part disturbs another's."""
        return random.Random(f"{self.seed}/raft/{purpose}")

    def add(self) -> SimulatedMember:
        """Make a member that does not run yet; names are never used twice."""
        name = f"m{len(self.members) + len(self.gone) + 1}"
        self.members[name] = SimulatedMember(name, self)
        return self.members[name]

    @property
    def nodes(self) -> dict[str, RaftNode]:
        everybody = {**self.members, **self.gone}
        return {name: m.node for name, m in everybody.items() if m.node is not None}

    async def start(self) -> None:
        for _ in range(self._size):
            self.add()
        bootstrap = {name: member.address for name, member in self.members.items()}
        for member in self.members.values():
            await member.start(bootstrap)

    async def stop(self) -> None:
        for member in self.members.values():
            await member.kill()

    async def start_again(self, member: SimulatedMember) -> None:
        """Start a member that is down; a full or failing disk leaves it there."""
        if member.is_up or member.is_lost or member.name in self.gone:
            return
        try:
            await member.start()
        except OSError as error:
            self.story.tell("NOT_STARTED", member=member.name, error=str(error))
        except StorageCorrupt as error:
            self.story.blame(f"{member.name} does not start: {error}")

    def may_lose_one(self) -> bool:
        """Say whether a member may be lost for good: those that stay must be a majority, also
        when a change of members that is under way takes out another.
        """
        leader = self.leader()
        if self.replacing is not None or leader is None or leader.node is None:
            return False
        return len(leader.node.members()) > (3 if self.changes_members else 2)

    async def retire(self, name: str) -> None:
        """Stop a member that was removed, for good."""
        member = self.members.pop(name)
        self.gone[name] = member
        await member.kill()

    def leader(self) -> SimulatedMember | None:
        """Return the newest leader there is."""
        leaders = [m for m in self.members.values() if m.leads]
        return max(leaders, key=_term, default=None)

    async def heal(self) -> None:
        """End all trouble."""
        self.network.mend_all()
        for member in list(self.members.values()):
            member.disk.free()
            member.disk.recover()
            member.disk.sync_s = SYNC_S
            member.may_fail = False
            member.resume()
            member.clock.drift(1.0)
            await self.start_again(member)

    async def settled(self) -> SimulatedMember | None:
        """Wait until all members have applied the same; return the leader, None if it takes
        too long.
        """
        loop = asyncio.get_running_loop()
        end_s = loop.time() + SETTLE_S
        while loop.time() < end_s:
            leader = self.leader()
            if leader is not None and self._agree_with(leader):
                return leader
            await asyncio.sleep(0.1)
        return None

    async def watch_logs(self) -> None:
        """Compare all logs now and then, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            self.judge.compare_logs(self.nodes)

    def _agree_with(self, leader: SimulatedMember) -> bool:
        assert leader.node is not None
        applied = core_of(leader.node).applied_index
        for name in leader.node.members():
            member = self.members.get(name)
            if member is not None and member.is_lost:
                continue
            if member is None or not member.is_up or member.node is None:
                return False
            if core_of(member.node).applied_index != applied:
                return False
        return True


def _term(member: SimulatedMember) -> int:
    return member.node.leadership.term if member.node is not None else 0
