"""Virtual time as a `seams.Clock`; each node may be told a different hour."""

from __future__ import annotations

import asyncio

EPOCH_S = 1_750_000_000.0
"""What the wall says when a virtual loop starts: a fixed day, so that runs are equal."""


class VirtualClock:
    """Implements `seams.Clock` on a loop's own time.

    `skew_s` moves the wall clock alone: timeouts run on monotonic time, which no node and no
    administrator can set.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, skew_s: float = 0.0) -> None:
        self._loop = loop
        self.skew_s = skew_s

    def now(self) -> float:
        return EPOCH_S + self._loop.time() + self.skew_s

    def monotonic(self) -> float:
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
