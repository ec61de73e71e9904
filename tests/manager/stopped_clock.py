"""A clock that stands still until a test lets time pass; sleepers wake one after the other."""

from __future__ import annotations

import asyncio
import heapq
import itertools

EPOCH_S = 1_750_000_000.0


async def settle(rounds: int = 50) -> None:
    """Let every task that can run do so."""
    for _ in range(rounds):
        await asyncio.sleep(0)


class StoppedClock:
    """Implements `seams.Clock`."""

    def __init__(self) -> None:
        self._elapsed_s = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Event]] = []
        self._serial = itertools.count()

    def now(self) -> float:
        return EPOCH_S + self._elapsed_s

    def monotonic(self) -> float:
        return self._elapsed_s

    async def sleep(self, seconds: float) -> None:
        wake = asyncio.Event()
        heapq.heappush(self._sleepers, (self._elapsed_s + seconds, next(self._serial), wake))
        await wake.wait()

    async def advance(self, seconds: float) -> None:
        """Let time pass: whoever wakes meanwhile runs at the moment it asked for."""
        await settle()
        end_s = self._elapsed_s + seconds
        while self._sleepers and self._sleepers[0][0] <= end_s + 1e-9:
            at_s, _, wake = heapq.heappop(self._sleepers)
            self._elapsed_s = max(self._elapsed_s, at_s)
            wake.set()
            await settle()
        self._elapsed_s = end_s

    async def oversleep(self, seconds: float) -> None:
        """Let time pass while the whole process was stopped."""
        await settle()
        self._elapsed_s += seconds
        await self.advance(0)
