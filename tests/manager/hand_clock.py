"""A clock that tests move by hand: whoever sleeps on it wakes in order, and nobody else waits."""

from __future__ import annotations

import asyncio
import heapq
from itertools import count

EPOCH_S = 1_750_000_000.0
"""What it shows at first: a fixed day."""


async def settle(turns: int = 60) -> None:
    """Let everything that can go on without time go on."""
    for _ in range(turns):
        await asyncio.sleep(0)


class HandClock:
    """Implements `seams.Clock`."""

    def __init__(self, start_s: float = EPOCH_S) -> None:
        self._now_s = start_s
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._serial = count()

    @property
    def now_ms(self) -> int:
        return round(self._now_s * 1000)

    def now(self) -> float:
        return self._now_s

    def monotonic(self) -> float:
        return self._now_s

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now_s + seconds, next(self._serial), woken))
        await woken

    async def advance(self, seconds: float) -> None:
        """Go on by so much; each sleeper wakes at its own time, and acts then."""
        end_s = self._now_s + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end_s:
            self._now_s = max(self._now_s, self._sleepers[0][0])
            self._wake()
            await settle()
        self._now_s = end_s
        await settle()

    async def oversleep(self, seconds: float) -> None:
        """Go on at once, as for a process that was stopped: all sleepers wake at the end."""
        self._now_s += seconds
        self._wake()
        await settle()

    def _wake(self) -> None:
        while self._sleepers and self._sleepers[0][0] <= self._now_s:
            _, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)
