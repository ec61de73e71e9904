"""Reads one mapping field by field: right kinds are returned, wrong ones recorded with their place.

Every question names a key; `done` then records each key that nobody asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from swarmpy.manifest import scalars, units
from swarmpy.manifest.problems import Problems
from swarmpy.manifest.tree import Fields, Items, Place, Scalar, Value, kind_of
from swarmpy.pb.types_pb2 import Budget

T = TypeVar("T")

EXTENSION = "x-swarmpy"
"""The one of the keys that begin with x- that says something to us."""


class Reader:
    """A mapping at `path`. A value of the wrong kind counts as absent once it is recorded."""

    def __init__(self, value: Value, path: str, problems: Problems) -> None:
        self.path = path
        self.problems = problems
        self.place = value.place
        self._fields = as_fields(value, path, problems)
        self._asked: set[str] = set()

    # Where things are

    def path_of(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def place_of(self, key: str) -> Place:
        entry = self._fields.entries.get(key)
        return entry.value.place if entry else self.place

    def has(self, key: str) -> bool:
        """Tell whether the key is there with a value that is not null."""
        return self.value(key) is not None

    def value(self, key: str) -> Value | None:
        """Return the value as it stands; None when it is absent or null."""
        self._asked.add(key)
        entry = self._fields.entries.get(key)
        if entry is None or is_nothing(entry.value):
            return None
        return entry.value

    def fault(self, key: str, what: str, expected: str = "", remedy: str = "") -> None:
        self.problems.add(self.place_of(key), self.path_of(key), what, expected, remedy)

    # Scalars

    def text(self, key: str, default: str = "") -> str:
        return self._scalar(key, "text", lambda text: text, default)

    def integer(self, key: str, default: int = 0, *, least: int = 0) -> int:
        number = self._scalar(key, "a whole number", scalars.as_integer, default)
        if number < least:
            self.fault(key, f"{number} is too small", f"{least} or more")
            return default
        return number

    def number(self, key: str, default: float = 0.0) -> float:
        number = self._scalar(key, "a number", scalars.as_number, default)
        if number < 0:
            self.fault(key, f"{number:g} is too small", "0 or more")
            return default
        return number

    def boolean(self, key: str, *, default: bool = False) -> bool:
        return self._scalar(key, "true or false", scalars.as_boolean, default)

    def duration_s(self, key: str, default: float = 0.0) -> float:
        return self._scalar(key, "a duration such as 1m30s", units.duration_s, default)

    def size_bytes(self, key: str, default: int = 0) -> int:
        return self._scalar(key, "a size such as 512m", units.size_bytes, default)

    def ratio(self, key: str) -> float:
        return self._scalar(key, "a share such as 70%, or 0.7", units.ratio, 0.0)

    def budget(self, key: str) -> Budget:
        return self._scalar(key, "a number of tasks or a share such as 25%", units.budget, Budget())

    def choice(self, key: str, choices: Mapping[str, T], default: T) -> T:
        return self._scalar(key, "one of " + ", ".join(choices), choices.get, default)

    def _scalar(self, key: str, expected: str, meaning: Callable[[str], T | None], default: T) -> T:
        value = self.value(key)
        if value is None:
            return default
        found = meaning(value.text) if isinstance(value, Scalar) else None
        if found is None:
            what = repr(value.text) if isinstance(value, Scalar) else kind_of(value)
            self.fault(key, f"found {what}", expected)
            return default
        return found

    # Lists and mappings

    def items(self, key: str) -> Iterator[tuple[str, Value]]:
        """Yield the path and value of each item of a list."""
        value = self.value(key)
        if value is None:
            return
        if not isinstance(value, Items):
            self.fault(key, f"found {kind_of(value)}", "a list")
            return
        for number, item in enumerate(value):
            yield f"{self.path_of(key)}[{number}]", item

    def texts(self, key: str) -> list[str]:
        """Return a list of texts."""
        return [
            text
            for path, item in self.items(key)
            if (text := as_text(item, path, self.problems)) is not None
        ]

    def pairs(self, key: str) -> dict[str, str | None]:
        """Return NAME -> value from a mapping or a list of NAME=value; None for a bare NAME."""
        value = self.value(key)
        if isinstance(value, Items):
            pairs: dict[str, str | None] = {}
            for text in self.texts(key):
                name, equals, word = text.partition("=")
                pairs[name] = word if equals else None
            return pairs
        section = self.section(key)
        return section.texts_by_key() if section else {}

    def names(self) -> list[str]:
        """Return every key of the mapping."""
        return list(self._fields.entries)

    def section(self, key: str) -> Reader | None:
        """Return the mapping under `key`, or None when it is absent."""
        value = self.value(key)
        return None if value is None else Reader(value, self.path_of(key), self.problems)

    def sections(self, key: str) -> Iterator[tuple[str, Reader]]:
        """Yield each name under `key` with its mapping; null stands for an empty one."""
        outer = self.section(key)
        if outer is None:
            return
        for name, entry in outer._fields.entries.items():
            empty = Fields(entry.key_place, {})
            value = empty if is_nothing(entry.value) else entry.value
            yield name, Reader(value, outer.path_of(name), self.problems)

    def texts_by_key(self) -> dict[str, str | None]:
        """Return the whole mapping as texts; null is None."""
        found: dict[str, str | None] = {}
        for key, entry in self._fields.entries.items():
            if is_nothing(entry.value):
                found[key] = None
            elif (text := as_text(entry.value, self.path_of(key), self.problems)) is not None:
                found[key] = text
        return found

    def done(self, refused: Mapping[str, str] | None = None) -> None:
        """Record every key that nobody asked for; `refused` says what to do about known ones."""
        for key, entry in self._fields.entries.items():
            if refused and key in refused:
                what = f"{key!r} is not supported"
                self.problems.add(entry.key_place, self.path_of(key), what, remedy=refused[key])
            elif key not in self._asked and (not key.startswith("x-") or key == EXTENSION):
                path = self.path or "top level"
                self.problems.unknown_key(entry.key_place, path, key, self._asked)


def is_nothing(value: Value) -> bool:
    return isinstance(value, Scalar) and value.plain and scalars.is_null(value.text)


def as_fields(value: Value, path: str, problems: Problems) -> Fields:
    if isinstance(value, Fields):
        return value
    if not is_nothing(value):
        problems.add(value.place, path or "top level", f"found {kind_of(value)}", "a mapping")
    return Fields(value.place, {})


def as_text(value: Value, path: str, problems: Problems) -> str | None:
    if isinstance(value, Scalar):
        return value.text
    problems.add(value.place, path, f"found {kind_of(value)}", "text")
    return None
