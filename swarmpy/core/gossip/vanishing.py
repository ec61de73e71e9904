"""Did so many vanish at once that the fault is likely ours?

Source: Rapid (Suresh et al., ATC 2018) acts on cuts, not on single nodes, for the same reason.
"""

from __future__ import annotations

from collections import deque

WINDOW_S = 60.0
"""What counts as at once: the longest suspicion of a swarm of 1,000 fits in."""


class Vanishing:
    """The deaths of the last minute."""

    def __init__(self, fraction: float) -> None:
        self._fraction = fraction
        self._deaths: deque[float] = deque()

    def note_death(self, now: float) -> None:
        """One more is believed dead."""
        self._deaths.append(now)

    def is_mass(self, suspects: int, others: int, now: float) -> bool:
        """Whether suspects and lately dead are more than the fraction of all, and more than one.

        `others` counts the members that are up, without this node.
        """
        while self._deaths and now - self._deaths[0] > WINDOW_S:
            self._deaths.popleft()
        vanishing = suspects + len(self._deaths)
        everybody = others + len(self._deaths)
        return vanishing > max(1.0, self._fraction * everybody)
