"""A manifest as a tree that knows where each value stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Lines and columns count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Scalar:
    place: Place
    text: str
    plain: bool
    """Written without quotes, so that it may mean a number, a truth or nothing."""


@dataclass(frozen=True, slots=True)
class Items:
    place: Place
    items: tuple[Value, ...]

    def __iter__(self) -> Iterator[Value]:
        return iter(self.items)


@dataclass(frozen=True, slots=True)
class Entry:
    key_place: Place
    value: Value


@dataclass(frozen=True, slots=True)
class Fields:
    place: Place
    entries: Mapping[str, Entry]

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)


Value: TypeAlias = Scalar | Items | Fields


def kind_of(value: Value) -> str:
    """Return what people call such a value."""
    match value:
        case Scalar():
            return "text" if not value.plain else f"{value.text!r}" if value.text else "nothing"
        case Items():
            return "a list"
        case Fields():
            return "a mapping"
