"""Caps what one sender may cost us: a bucket of tokens that fills with time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Rate:
    """Packets a second in the long run, and how many may come at once."""

    per_s: float
    burst: int


A_PEER: Final = Rate(per_s=500.0, burst=2000)
"""A member sends about 20 packets a second when much changes. Raised: one broken or stolen node
costs each other one more of its time."""
STRANGERS: Final = Rate(per_s=2000.0, burst=8000)
"""All senders together that have shown no key yet. Raised: noise costs more; lowered below the
number of members: they take seconds to be heard after a start."""


class Bucket:
    """Begins full."""

    __slots__ = ("_at", "_rate", "_tokens")

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate = rate
        self._tokens = float(rate.burst)
        self._at = now

    def take(self, now: float) -> bool:
        """Take a token; False when there is none."""
        tokens = self._tokens + (now - self._at) * self._rate.per_s
        self._at = now
        self._tokens = min(tokens, float(self._rate.burst))
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
