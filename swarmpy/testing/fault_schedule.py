"""Fate, as a seed plays it: machines crash, links break, disks fill up; all of it passes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

from swarmpy.task_group import TaskGroup
from swarmpy.testing.simulated_host import SYNC_S

if TYPE_CHECKING:
    from swarmpy.testing.simulation import Swarm

PAUSE_S = (1.0, 10.0)
LASTS_S = (0.5, 20.0)
AT_ONCE = 3
"""Faults that may overlap."""

Fault: TypeAlias = Callable[[], Awaitable[None]]


class FaultSchedule:
    """Makes trouble for a while, then cleans up after itself."""

    def __init__(self, swarm: Swarm) -> None:
        self._swarm = swarm
        self._rng = swarm.world.rng("faults")
        self._places = asyncio.Semaphore(AT_ONCE)
        self._down: set[str] = set()
        self._kinds: tuple[Fault, ...] = (
            self._crash,
            self._crash,
            self._stop,
            self._black_out,
            self._isolate,
            self._isolate,
            self._cut,
            self._slow,
            self._lose,
            self._skew,
            self._fill_disk,
            self._slow_disk,
            self._fail_disk,
            self._kill_tasks,
            self._lose_engine,
        )

    async def run(self, seconds: float) -> None:
        """Make trouble for so long; return when all of it has passed."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + seconds
        async with TaskGroup() as faults:
            while loop.time() < end_s:
                await asyncio.sleep(self._rng.uniform(*PAUSE_S))
                faults.create_task(self._one(self._rng.choice(self._kinds)))

    async def _one(self, fault: Fault) -> None:
        async with self._places:
            await fault()

    async def _crash(self) -> None:
        await self._take_down(self._swarm.crash)

    async def _stop(self) -> None:
        await self._take_down(self._swarm.stop)

    async def _take_down(self, how: Callable[[str], Awaitable[None]]) -> None:
        node = self._node()
        if node in self._down:
            return
        self._down.add(node)
        await how(node)
        await self._last()
        self._swarm.restart(node)
        self._down.discard(node)

    async def _black_out(self) -> None:
        """Cut the power of every manager at one moment: only what is on disks is left. The disks
        are slow before it, so that something is always on its way to them.
        """
        managers = [name for name in self._swarm.world.managers if name not in self._down]
        self._down.update(managers)
        for name in managers:
            self._swarm.slow_disk(name, 0.3)
        await self._last()
        async with TaskGroup() as cuts:
            for name in managers:
                cuts.create_task(self._swarm.crash(name))
        for name in managers:
            await asyncio.sleep(self._rng.uniform(0.0, 3.0))
            self._swarm.slow_disk(name, SYNC_S)
            self._swarm.restart(name)
            self._down.discard(name)

    async def _isolate(self) -> None:
        """Cut one node off from all others, perhaps one way only."""
        node, one_way = self._node(), self._rng.random() < 0.3
        others = [name for name in self._swarm.hosts if name != node]
        for other in others:
            self._swarm.partition(node, other, one_way=one_way)
        await self._last()
        for other in others:
            self._swarm.mend(node, other)

    async def _cut(self) -> None:
        a, b = self._pair()
        self._swarm.partition(a, b, one_way=self._rng.random() < 0.3)
        await self._last()
        self._swarm.mend(a, b)

    async def _slow(self) -> None:
        a, b = self._pair()
        self._swarm.slow(a, b, self._rng.uniform(0.05, 2.0))
        await self._last()
        self._swarm.mend(a, b)

    async def _lose(self) -> None:
        a, b = self._pair()
        self._swarm.lose(a, b, self._rng.uniform(0.05, 0.5))
        await self._last()
        self._swarm.mend(a, b)

    async def _skew(self) -> None:
        node = self._node()
        self._swarm.skew(node, self._rng.uniform(-30.0, 30.0))
        await self._last()
        self._swarm.skew(node, 0.0)

    async def _fill_disk(self) -> None:
        node = self._node()
        self._swarm.fill_disk(node)
        await self._last()
        self._swarm.free_disk(node)

    async def _fail_disk(self) -> None:
        node = self._node()
        self._swarm.fail_disk(node, fails=True)
        await self._last()
        self._swarm.fail_disk(node, fails=False)

    async def _kill_tasks(self) -> None:
        for _ in range(self._rng.randint(1, 5)):
            self._swarm.kill_task(self._node())
            await asyncio.sleep(self._rng.uniform(0.0, 2.0))

    async def _lose_engine(self) -> None:
        node = self._node()
        if node in self._down:
            return
        self._swarm.engine(node, answers=False)
        await self._last()
        if node not in self._down:
            self._swarm.engine(node, answers=True)

    async def _slow_disk(self) -> None:
        """Slow one disk down, or those of all managers, as when they share a storage."""
        nodes = [self._node()] if self._rng.random() < 0.5 else self._swarm.world.managers
        for node in nodes:
            self._swarm.slow_disk(node, self._rng.uniform(0.05, 0.5))
        await self._last()
        for node in nodes:
            self._swarm.slow_disk(node, SYNC_S)

    async def _last(self) -> None:
        await asyncio.sleep(self._rng.uniform(*LASTS_S))

    def _node(self) -> str:
        return self._rng.choice(sorted(self._swarm.hosts))

    def _pair(self) -> tuple[str, str]:
        a, b = self._rng.sample(sorted(self._swarm.hosts), 2)
        return a, b
