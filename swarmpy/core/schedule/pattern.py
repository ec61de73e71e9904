"""Regular expressions that cannot be made to run for long: a subset of Python's, of bounded cost.

Python's matcher tries one way of reading a text after the other. So the ways are counted
before a pattern is accepted, from above: alternatives and repetitions multiply. Groups that
refer back or look around are refused, and a long text matches nothing.

    host-[0-9]+        (north|south)-.*        a100|h100
"""

from __future__ import annotations

import re
from functools import lru_cache

from swarmpy.errors import InvalidInput

PATTERN_MAX = 128
TEXT_MAX = 128
"""Characters. Both are far longer than any label that people write."""
WAYS_MAX = 1_000_000
"""That is two `*` or `+` in a row with some alternatives; a match then takes milliseconds."""

_CLASSES = "dDwWsS"
_COUNT = re.compile(r"\{(\d{0,3})(?:(,)(\d{0,3}))?\}")


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> re.Pattern[str]:
    """Return the pattern, to be used with `matches`.

    Raises:
        InvalidInput: it is too long or too costly, or cannot be read; the message says where.
    """
    if len(pattern) > PATTERN_MAX:
        raise _wrong(PATTERN_MAX, f"is longer than {PATTERN_MAX} characters")
    reader = _Reader(pattern)
    ways = reader.alternatives()
    if reader.at < len(pattern):
        raise _wrong(reader.at, "closes a group that was not opened")
    if ways > WAYS_MAX:
        raise _wrong(len(pattern), "can be read in too many ways")
    try:
        return re.compile(pattern, re.IGNORECASE)
    except (re.error, OverflowError) as error:
        at = getattr(error, "pos", None)
        raise _wrong(at or 0, f"cannot be read ({getattr(error, 'msg', error)})") from None


def matches(pattern: str, text: str) -> bool:
    """Say whether the whole text is what the pattern describes, whatever the case."""
    return len(text) <= TEXT_MAX and compiled(pattern).fullmatch(text) is not None


class _Reader:
    """Counts in how many ways a text may be read, part by part. Syntax is left to `re`."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self.at = 0

    def alternatives(self) -> int:
        ways = self._sequence()
        while self._next() == "|":
            self.at += 1
            ways += self._sequence()
        return ways

    def _sequence(self) -> int:
        ways = 1
        while self._next() not in {"", "|", ")"}:
            # From above, and no larger than it takes to be refused.
            ways = min(ways * self._repeated(self._one()), WAYS_MAX + 1)
        return ways

    def _one(self) -> int:
        """Read one character, class or group; return its ways."""
        start, character = self.at, self._next()
        self.at += 1
        if character == "(":
            return self._group(start)
        if character == "[":
            self._class(start)
        elif character == "\\":
            self._escape(start)
        return 1

    def _group(self, start: int) -> int:
        if self._pattern.startswith("?:", self.at):
            self.at += 2
        elif self._next() == "?":
            raise _wrong(start, "has a group that looks around or has a name")
        ways = self.alternatives()
        if self._next() != ")":
            raise _wrong(start, "opens a group that is not closed")
        self.at += 1
        return ways

    def _class(self, start: int) -> None:
        if self._next() == "^":
            self.at += 1
        first = self.at
        while self._next() != "]" or self.at == first:
            character = self._next()
            if not character:
                raise _wrong(start, "opens a class that is not closed")
            self.at += 1
            if character == "[" or (character in "-&|~" and self._next() == character):
                raise _wrong(self.at - 1, "has a class within a class")
            if character == "\\":
                self._escape(self.at - 1)
        self.at += 1

    def _escape(self, start: int) -> None:
        character = self._next()
        self.at += 1
        if not character or (character.isalnum() and character not in _CLASSES):
            raise _wrong(start, "has an escape other than \\d, \\w, \\s and of punctuation")

    def _repeated(self, ways: int) -> int:
        """Read what says how often something may be there; return the ways of all."""
        least, most = self._times()
        if self._next() in {"?", "+"} and (least, most) != (1, 1):
            self.at += 1
        if ways == 1:
            return most - least + 1
        return min(int(ways ** min(most, 20)) * (most - least + 1), WAYS_MAX + 1)

    def _times(self) -> tuple[int, int]:
        counted = _COUNT.match(self._pattern, self.at)
        if counted is not None:
            self.at = counted.end()
            least, comma, most = counted.groups()
            low = int(least or 0)
            high = int(most) if most else TEXT_MAX if comma else low
            return min(low, high), min(high, TEXT_MAX) if high > low else high
        if self._next() in {"*", "+", "?"}:
            self.at += 1
            return {"*": (0, TEXT_MAX), "+": (1, TEXT_MAX), "?": (0, 1)}[self._pattern[self.at - 1]]
        return 1, 1

    def _next(self) -> str:
        return self._pattern[self.at : self.at + 1]


def _wrong(at: int, what: str) -> InvalidInput:
    return InvalidInput(
        f"the pattern {what}, at its character {at + 1}",
        remedy="write a simpler one: letters, '.', [...], '|', '*', '+', '?' and (...)",
    )
