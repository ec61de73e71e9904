"""Puts variables into a manifest, as Compose does: ${NAME:-default}, nested, $$ for a dollar.

Source: https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from swarmpy.manifest.problems import Problems
from swarmpy.manifest.tree import Entry, Fields, Items, Scalar, Value

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATORS = (":-", ":?", ":+", "-", "?", "+")
NESTING_MAX = 16


class _Fault(Exception):
    """Why one text cannot be interpolated."""


def interpolate(
    value: Value, environment: Mapping[str, str], problems: Problems, path: str = ""
) -> Value:
    """Return the tree with every variable in its values replaced; keys stay as they are."""
    match value:
        case Scalar(place, text, plain):
            if "$" not in text:
                return value
            try:
                return Scalar(place, _Text(text, environment).all(), plain)
            except _Fault as fault:
                problems.add(place, path, str(fault))
                return value
        case Items(place, items):
            return Items(
                place,
                tuple(
                    interpolate(item, environment, problems, f"{path}[{number}]")
                    for number, item in enumerate(items)
                ),
            )
        case Fields(place, entries):
            return Fields(
                place,
                {
                    key: Entry(
                        entry.key_place,
                        interpolate(
                            entry.value, environment, problems, f"{path}.{key}" if path else key
                        ),
                    )
                    for key, entry in entries.items()
                },
            )


class _Text:
    """One text, read from left to right."""

    def __init__(self, text: str, environment: Mapping[str, str]) -> None:
        self._text = text
        self._environment = environment
        self._at = 0

    def all(self) -> str:
        return self._until(end="", depth=0)

    def _until(self, end: str, depth: int) -> str:
        """Return what stands before `end`, replaced, and step past it."""
        if depth > NESTING_MAX:
            raise _Fault(f"variables nested deeper than {NESTING_MAX}")
        out: list[str] = []
        while self._at < len(self._text):
            char = self._text[self._at]
            self._at += 1
            if end and char == end:
                return "".join(out)
            out.append(self._dollar(depth) if char == "$" else char)
        if end:
            raise _Fault(f"${{ without its }} in {self._text!r}, write $$ for a dollar sign")
        return "".join(out)

    def _dollar(self, depth: int) -> str:
        rest = self._text[self._at :]
        if rest.startswith("$"):
            self._at += 1
            return "$"
        braced = rest.startswith("{")
        name = _NAME.match(rest, 1 if braced else 0)
        if name is None:
            raise _Fault(f"no name after $ in {self._text!r}, write $$ for a dollar sign")
        self._at += name.end()
        if not braced:
            return self._environment.get(name[0], "")
        return self._braced(name[0], depth)

    def _braced(self, name: str, depth: int) -> str:
        rest = self._text[self._at :]
        found = self._environment.get(name)
        if rest.startswith("}"):
            self._at += 1
            return found or ""
        operator = next((op for op in _OPERATORS if rest.startswith(op)), None)
        if operator is None:
            raise _Fault(f"${{{name} is followed by {rest[:1]!r}, expected one of :- - :? ? :+ +")
        self._at += len(operator)
        word = self._until("}", depth + 1)
        there = bool(found) if operator.startswith(":") else found is not None
        match operator[-1]:
            case "-":
                return (found or "") if there else word
            case "+":
                return word if there else ""
            case _:
                if not there:
                    raise _Fault(f"variable {name} is not set: {word or 'it is required'}")
                return found or ""
