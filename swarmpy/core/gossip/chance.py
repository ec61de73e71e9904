"""Where gossip's choices come from: outside, so that a seed replays them."""

from __future__ import annotations

from collections.abc import MutableSequence
from typing import Any, Protocol


class Chance(Protocol):
    """Part of `random.Random`."""

    def random(self) -> float:
        """Return a number in [0, 1)."""

    def shuffle(self, x: MutableSequence[Any], /) -> None:
        """Put `x` into a random order, in place."""
