"""The time that managers keep, as this node knows it.

Delays travel as points in the managers' time. A node whose clock is wrong must keep them all
the same, so it adds what has passed on its own monotonic clock to what it was told last.
"""

from __future__ import annotations

from swarmpy.seams import Clock


class SwarmTime:
    """Milliseconds since the Unix epoch, by the managers' clock once one was heard."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._base_ms = clock.now() * 1000
        self._base_s = clock.monotonic()

    def heard(self, now_ms: int) -> None:
        """Take over what a manager says the time is."""
        self._base_ms = now_ms
        self._base_s = self._clock.monotonic()

    def now_ms(self) -> int:
        return int(self._base_ms + (self._clock.monotonic() - self._base_s) * 1000)
