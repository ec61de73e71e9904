"""Makes identifiers. Chance comes from outside, so a seed replays them."""

from __future__ import annotations

import random
from typing import Final

ALPHABET: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
LENGTH: Final = 16
"""Characters of an id: 82 bits, so two swarms' ids do not meet either."""

_LETTERS: Final = ALPHABET[10:]
_PAIRS: Final = [a + b for a in ALPHABET for b in ALPHABET]
_BITS: Final = 128
"""Far more than an id has, so that what the last division leaves over favours no id."""


class IdSource:
    """Gives ids of 16 lower-case letters and digits, the first a letter."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def new_id(self) -> str:
        """Ask for chance once: the system's costs a call of the kernel each time."""
        number, letter = divmod(self._rng.getrandbits(_BITS), len(_LETTERS))
        parts = [_LETTERS[letter]]
        for _ in range(LENGTH // 2 - 1):
            number, pair = divmod(number, len(_PAIRS))
            parts.append(_PAIRS[pair])
        parts.append(ALPHABET[number % len(ALPHABET)])
        return "".join(parts)
