"""How well this node does its own duties: who is slow blames others late.

Source: Lifeguard (arXiv 1707.00788), local health multiplier.
"""

from __future__ import annotations


class Health:
    """0 is well; probes slow down by `factor`."""

    def __init__(self, most: int) -> None:
        self.score = 0
        self._most = most

    @property
    def factor(self) -> int:
        """What an interval is multiplied with."""
        return 1 + self.score

    def probe_succeeded(self) -> None:
        """An ack came in time."""
        self._add(-1)

    def probe_failed(self, asked: int, nacks: int) -> None:
        """No ack came. Helpers that did not even say so point at us: one each."""
        self._add(asked - nacks if asked else 1)

    def was_doubted(self) -> None:
        """Others took this node for dead: it answered too slowly."""
        self._add(1)

    def _add(self, points: int) -> None:
        self.score = min(max(self.score + points, 0), self._most)
