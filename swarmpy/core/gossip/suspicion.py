"""How long a member that does not answer has to say that it lives.

Source: Lifeguard (arXiv 1707.00788), and hashicorp/memberlist.
"""

from __future__ import annotations

import math


def timeout_s(low_s: float, high_s: float, confirmed: int, needed: int) -> float:
    """Return high_s when nobody confirms, low_s when `needed` others do, in between by log."""
    if needed <= 0:
        return low_s
    part = math.log(confirmed + 1) / math.log(needed + 1)
    return max(low_s, high_s - (high_s - low_s) * part)


class Suspicion:
    """One suspicion of one member. Its deadline only ever comes nearer."""

    __slots__ = ("_high_s", "_low_s", "_needed", "_sources", "_started")

    def __init__(self, source: str, now: float, bounds: tuple[float, float], needed: int) -> None:
        self._low_s, self._high_s = bounds
        self._needed = needed
        self._started = now
        self._sources = {source}

    @property
    def confirmed(self) -> bool:
        """Whether as many others as are needed said so: none where nobody could."""
        return len(self._sources) > self._needed

    @property
    def deadline(self) -> float:
        confirmed = len(self._sources) - 1
        return self._started + timeout_s(self._low_s, self._high_s, confirmed, self._needed)

    def confirm(self, source: str) -> bool:
        """Return whether this brings the end nearer, and is therefore worth telling on."""
        if source in self._sources or len(self._sources) > self._needed:
            return False
        self._sources.add(source)
        return True
