"""A member's own clock: it runs too fast or too slow, and stands still for its tasks in a pause."""

from __future__ import annotations

import asyncio

from swarmpy.testing.clock import EPOCH_S


class DriftingClock:
    """Implements `seams.Clock`. Monotonic time goes on in a pause, as it does for a stopped
    process; whoever sleeps wakes up after it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, skew_s: float = 0.0) -> None:
        self.skew_s = skew_s
        self._loop = loop
        self._rate = 1.0
        self._since = (loop.time(), 0.0)
        """A moment, and what `monotonic` said then."""
        self._goes_on = asyncio.Event()
        self._goes_on.set()

    @property
    def is_paused(self) -> bool:
        return not self._goes_on.is_set()

    def pause(self) -> None:
        self._goes_on.clear()

    def resume(self) -> None:
        self._goes_on.set()

    def drift(self, rate: float) -> None:
        """Let `rate` seconds pass here in each second."""
        self._since = (self._loop.time(), self.monotonic())
        self._rate = rate

    def now(self) -> float:
        return EPOCH_S + self._loop.time() + self.skew_s

    def monotonic(self) -> float:
        at, then = self._since
        return then + (self._loop.time() - at) * self._rate

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._rate)
        await self._goes_on.wait()

    async def goes_on(self) -> None:
        """Return at once, or after the pause."""
        await self._goes_on.wait()
