"""Tells whether a numbered packet came before, also when packets overtake each other."""

from __future__ import annotations

from typing import Final

WIDTH: Final = 1024
"""Packets that came so much later than the newest are refused unseen. Raised: memory only."""


class ReplayWindow:
    """One sender's numbers: the newest, and which of the `WIDTH` before it have come."""

    __slots__ = ("_newest", "_seen")

    def __init__(self) -> None:
        self._newest = -1
        self._seen = 0

    def admit(self, number: int) -> bool:
        """Return whether the number is new, and remember it."""
        ahead = number - self._newest
        if ahead > 0:
            kept = (self._seen << ahead) & _MASK if ahead < WIDTH else 0
            self._seen = kept | 1
            self._newest = number
            return True
        if ahead <= -WIDTH:
            return False
        bit = 1 << -ahead
        if self._seen & bit:
            return False
        self._seen |= bit
        return True


_MASK: Final = (1 << WIDTH) - 1
