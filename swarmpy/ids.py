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
_DRAWN_AT_ONCE: Final = 64


class IdSource:
    """Gives ids of 16 lower-case letters and digits, the first a letter.

    Chance is drawn for many ids at once: the system's costs a call of the kernel each time, and
    gives the interpreter's lock away.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._chance = 0
        self._left = 0

    def new_id(self) -> str:
        if not self._left:
            self._left = _DRAWN_AT_ONCE
            self._chance = self._rng.getrandbits(_BITS * _DRAWN_AT_ONCE)
        self._left -= 1
        self._chance, mine = divmod(self._chance, 1 << _BITS)
        number, letter = divmod(mine, len(_LETTERS))
        parts = [_LETTERS[letter]]
        for _ in range(LENGTH // 2 - 1):
            number, pair = divmod(number, len(_PAIRS))
            parts.append(_PAIRS[pair])
        parts.append(ALPHABET[number % len(ALPHABET)])
        return "".join(parts)
