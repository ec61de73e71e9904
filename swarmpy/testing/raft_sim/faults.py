"""Fate, as a seed plays it. Each seed has its own few kinds of trouble, and all of it passes.

A seed that had every kind would spend most of its time without a leader: a diet of a few
reaches further into each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from swarmpy.errors import StorageCorrupt
from swarmpy.task_group import TaskGroup
from swarmpy.testing.raft_sim.damage import damage
from swarmpy.testing.raft_sim.member import SYNC_S, SimulatedMember
from swarmpy.testing.raft_sim.quorum import Quorum

PAUSE_S = (0.02, 0.5)
"""Between two faults."""
LASTS_S = (0.05, 1.2)
DIET = (2, 5)
"""Kinds of trouble in a seed."""
AT_ONCE = 3


class Faults:
    """Makes trouble for a while; `Quorum.heal` ends what is left of it."""

    def __init__(self, quorum: Quorum) -> None:
        self._quorum = quorum
        self._rng = quorum.rng("faults")
        self._places = asyncio.Semaphore(AT_ONCE)
        self._busy: set[str] = set()
        """Members that are down, or about to be."""
        kinds: tuple[Callable[[], Awaitable[None]], ...] = (
            self._crash,
            self._kill,
            self._black_out,
            self._pause,
            self._isolate,
            self._mislead,
            self._cut,
            self._bad_weather,
            self._break_links,
            self._drift,
            self._slow_disk,
            self._fill_disk,
            self._fail_disk,
            self._rot,
        )
        self._diet = self._rng.sample(kinds, self._rng.randint(*DIET))
        names = sorted(kind.__name__.strip("_") for kind in self._diet)
        quorum.story.tell("DIET", kinds=" ".join(names))

    async def run(self, seconds: float) -> None:
        """Make trouble for so long; return when all of it has passed."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + seconds
        async with TaskGroup() as faults:
            while loop.time() < end_s:
                await asyncio.sleep(self._rng.uniform(*PAUSE_S))
                faults.create_task(self._one(self._rng.choice(self._diet)))

    async def _one(self, kind: Callable[[], Awaitable[None]]) -> None:
        async with self._places:
            await kind()

    # --- members

    async def _crash(self) -> None:
        await self._take_down(self._member(), SimulatedMember.crash)

    async def _kill(self) -> None:
        await self._take_down(self._member(), SimulatedMember.kill)

    async def _take_down(
        self, member: SimulatedMember, how: Callable[[SimulatedMember], Awaitable[None]]
    ) -> None:
        if member.name in self._busy:
            return
        self._busy.add(member.name)
        await how(member)
        await self._last()
        await self._quorum.start_again(member)
        self._busy.discard(member.name)

    async def _black_out(self) -> None:
        """Cut the power of all at one moment, with something on its way to every disk."""
        members = list(self._quorum.members.values())
        for member in members:
            member.disk.sync_s = 0.05
        await asyncio.sleep(self._rng.uniform(0.0, 0.2))
        for member in members:
            await member.crash()
        for member in members:
            member.disk.sync_s = SYNC_S
            await asyncio.sleep(self._rng.uniform(0.0, 0.2))
            await self._quorum.start_again(member)

    async def _pause(self) -> None:
        """Stop a process and let it go on: a leader believes it leads still."""
        member = self._leader_or_any()
        self._tell("PAUSE", member)
        member.pause()
        await self._last()
        member.resume()

    async def _drift(self) -> None:
        """Let every clock run at its own rate, and tell another time of day."""
        members = list(self._quorum.members.values())
        for member in members:
            member.clock.skew_s = self._rng.uniform(-1e4, 1e4)
            member.clock.drift(self._rng.choice((0.5, 0.8, 1.0, 1.3, 2.0)))
        await self._last()
        await self._last()
        for member in members:
            member.clock.drift(1.0)

    # --- the network

    async def _isolate(self) -> None:
        """Cut a member off from all others, perhaps one way only."""
        member = self._leader_or_any()
        ways = self._rng.choice(("in", "out", "both"))
        self._tell("ISOLATE", member, ways=ways)
        others = [name for name in self._quorum.members if name != member.name]
        for other in others:
            if ways != "out":
                self._quorum.network.cut(other, member.name)
            if ways != "in":
                self._quorum.network.cut(member.name, other)
        await self._last()
        for other in others:
            self._mend(member.name, other)

    async def _mislead(self) -> None:
        """Cut a leader off whose clock is slow from members in a hurry: for a while it leads as
        far as it knows, and so does another.
        """
        leader = self._quorum.leader()
        if leader is None:
            return
        self._tell("MISLEAD", leader)
        others = [member for member in self._quorum.members.values() if member is not leader]
        leader.clock.drift(0.3)
        for other in others:
            other.clock.drift(2.0)
            self._quorum.network.cut(leader.name, other.name)
            self._quorum.network.cut(other.name, leader.name)
        await asyncio.sleep(self._rng.uniform(0.5, 1.2))
        for other in others:
            other.clock.drift(1.0)
            self._mend(leader.name, other.name)
        leader.clock.drift(1.0)

    async def _cut(self) -> None:
        a, b = self._pair()
        self._quorum.network.cut(a, b)
        if self._rng.random() < 0.5:
            self._quorum.network.cut(b, a)
        await self._last()
        self._mend(a, b)

    async def _bad_weather(self) -> None:
        """Lose, double and delay frames between some members, or between all."""
        pairs = [(a, b) for a in self._quorum.members for b in self._quorum.members if a != b]
        pairs = pairs if self._rng.random() < 0.5 else self._rng.sample(pairs, len(pairs) // 3)
        loss, twice, late = (self._rng.choice((0.0, 0.1, 0.4)) for _ in range(3))
        self._quorum.story.tell("WEATHER", loss=loss, twice=twice, late=late, ways=len(pairs))
        for pair in pairs:
            way = self._quorum.network.way(*pair)
            way.loss, way.twice, way.late = loss, twice, late
        await self._last()
        for pair in pairs:
            self._quorum.network.mend(*pair)

    async def _break_links(self) -> None:
        for _ in range(self._rng.randint(1, 6)):
            self._quorum.network.break_link(*self._pair())
            await asyncio.sleep(self._rng.uniform(0.0, 0.2))

    def _mend(self, a: str, b: str) -> None:
        self._quorum.network.mend(a, b)
        self._quorum.network.mend(b, a)

    # --- disks

    async def _slow_disk(self) -> None:
        members = list(self._quorum.members.values())
        if self._rng.random() < 0.5:
            members = [self._member()]
        for member in members:
            member.disk.sync_s = self._rng.uniform(0.01, 0.3)
        await self._last()
        for member in members:
            member.disk.sync_s = SYNC_S

    async def _fill_disk(self) -> None:
        member = self._leader_or_any()
        self._tell("FULL", member)
        member.disk.fill(self._rng.choice((0, 0, 100, 400)))
        await self._last()
        member.disk.free()

    async def _fail_disk(self) -> None:
        """Let a disk answer EIO: the process must end, and what it had not synced is lost."""
        member = self._member()
        if member.name in self._busy:
            return
        self._busy.add(member.name)
        self._tell("EIO", member)
        member.may_fail = True
        member.disk.fail()
        await self._last()
        member.disk.recover()
        await member.crash()
        member.may_fail = False
        await self._quorum.start_again(member)
        self._busy.discard(member.name)

    async def _rot(self) -> None:
        """Flip a bit of something durable: the member must refuse to start on it."""
        member = self._member()
        if not self._quorum.may_lose_one() or member.name in self._busy:
            return
        self._busy.add(member.name)
        await member.crash()
        path = damage(member.disk, member.sealing, self._rng)
        if path is not None:
            self._tell("ROT", member, path=str(path))
            await self._must_not_start(member, in_log="log" in path.parts)
        await self._quorum.start_again(member)
        self._busy.discard(member.name)

    async def _must_not_start(self, member: SimulatedMember, *, in_log: bool) -> None:
        """A damaged snapshot may be done without, where the log reaches back far enough."""
        try:
            await member.start()
        except StorageCorrupt:
            member.is_lost = True
            self._quorum.replacing = member.name
        except OSError as error:
            self._quorum.story.tell("NOT_STARTED", member=member.name, error=str(error))
        else:
            if in_log:
                self._quorum.story.blame(f"{member.name} starts with a damaged log")

    # --- choices

    async def _last(self) -> None:
        await asyncio.sleep(self._rng.uniform(*LASTS_S))

    def _tell(self, event: str, member: SimulatedMember, **fields: object) -> None:
        self._quorum.story.tell(event, member=member.name, **fields)

    def _member(self) -> SimulatedMember:
        return self._quorum.members[self._rng.choice(sorted(self._quorum.members))]

    def _leader_or_any(self) -> SimulatedMember:
        leader = self._quorum.leader()
        return leader if leader is not None and self._rng.random() < 0.6 else self._member()

    def _pair(self) -> tuple[str, str]:
        a, b = self._rng.sample(sorted(self._quorum.members), 2)
        return a, b
