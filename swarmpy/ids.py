"""Makes identifiers. Chance comes from outside, so a seed replays them."""

from __future__ import annotations

import random
from typing import Final

ALPHABET: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
LENGTH: Final = 16
"""Characters of an id: 82 bits, so two swarms' ids do not meet either."""

_MADE_AT_ONCE: Final = 64
"""At most: a few bytes of chance are thrown away."""


class _Characters:
    """Turns bytes of chance into characters, each as likely as the others."""

    def __init__(self, alphabet: str) -> None:
        fair = 256 - 256 % len(alphabet)
        self._table = (alphabet * 256)[:256].encode()
        self._unfair = bytes(range(fair, 256))

    def of(self, chance: bytes) -> str:
        """Return a character for each byte, but for those that would favour the first ones."""
        return chance.translate(self._table, self._unfair).decode()


_ANY: Final = _Characters(ALPHABET)
_LETTER: Final = _Characters(ALPHABET[10:])


class IdSource:
    """Gives ids of 16 lower-case letters and digits, the first a letter.

    Chance is drawn for many ids at once: the system's costs a call of the kernel each time, and
    gives the interpreter's lock away.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._made: list[str] = []

    def new_id(self) -> str:
        while not self._made:
            self._made = self._make()
        return self._made.pop()

    def _make(self) -> list[str]:
        letters = _LETTER.of(self._rng.randbytes(_MADE_AT_ONCE))
        others = _ANY.of(self._rng.randbytes(_MADE_AT_ONCE * (LENGTH - 1)))
        starts = range(0, len(others) - LENGTH + 2, LENGTH - 1)
        return [
            letter + others[start : start + LENGTH - 1]
            for letter, start in zip(letters, starts, strict=False)
        ]
