"""Makes identifiers. Chance comes from outside, so a seed replays them."""

from __future__ import annotations

import random

ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
LENGTH = 16
"""Characters of an id: 82 bits, so two swarms' ids do not meet either."""


class IdSource:
    """Gives ids of 16 lower-case letters and digits, the first a letter."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def new_id(self) -> str:
        first = self._rng.choice(ALPHABET[10:])
        return first + "".join(self._rng.choices(ALPHABET, k=LENGTH - 1))
