"""Gathers everything that is wrong with a spec, so that people correct it in one go."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NoReturn

from swarmpy.errors import InvalidInput

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}")
FAULTS_SHOWN = 20
"""Lines of one message; more are counted."""

REPLICAS_MAX = 10_000
DURATION_MAX_S = 7 * 86400.0


class Faults:
    """One line per fault: `path: what is there, expected what, what to do`."""

    def __init__(self, path: str = "", lines: list[tuple[str, str]] | None = None) -> None:
        self._path = path
        self._lines: list[tuple[str, str]] = [] if lines is None else lines

    def under(self, path: str) -> Faults:
        """Return the same collection, for the fields below `path`."""
        return Faults(self._join(path), self._lines)

    def add(self, path: str, what: str, expected: str, do: str) -> None:
        """Note one fault of the field at `path`."""
        where = self._join(path)
        self._lines.append((where, f"{where}: {what}, expected {expected}; {do}"))

    def raise_any(self) -> None:
        """Raise InvalidInput with every fault; return when there is none."""
        if self._lines:
            self._raise()

    # --- checks that many fields share

    def check_name(self, path: str, name: str) -> None:
        if not NAME.fullmatch(name):
            self.add(
                path,
                f"{name!r} is not a name",
                "a letter or digit, then up to 62 letters, digits, '_', '.' or '-'",
                "choose another name",
            )

    def check_number(self, path: str, value: float, low: float, high: float) -> None:
        """Note a number outside of low..high; not-a-number is outside."""
        if not low <= value <= high:
            self.add(path, f"is {value:g}", f"{low:g} to {high:g}", "change it")

    def check_duration(self, path: str, seconds: float) -> None:
        if not 0 <= seconds <= DURATION_MAX_S:
            self.add(path, f"is {seconds:g} s", "0 to 604800 s (7 days)", "change it")

    def check_read(self, path: str, read: Callable[[], object]) -> None:
        """Note what `read` refuses; its InvalidInput says "WHAT, expected WHAT"."""
        try:
            read()
        except InvalidInput as wrong:
            what, _, expected = wrong.message.partition(", expected ")
            self.add(path, what, expected, wrong.remedy)

    def check_unique(self, path: str, values: Iterable[str]) -> None:
        """Note each value that is there more than once."""
        seen: set[str] = set()
        told: set[str] = set()
        for value in values:
            if value in seen and value not in told:
                told.add(value)
                self.add(path, f"{value!r} is there twice", "each once", "remove one of them")
            seen.add(value)

    def _join(self, path: str) -> str:
        if not self._path or not path or path.startswith("["):
            return self._path + path
        return f"{self._path}.{path}"

    def _raise(self) -> NoReturn:
        lines = [line for _, line in self._lines[:FAULTS_SHOWN]]
        if len(self._lines) > FAULTS_SHOWN:
            lines.append(f"... and {len(self._lines) - FAULTS_SHOWN} more")
        count = len(self._lines)
        raise InvalidInput(
            "\n".join(lines),
            remedy="correct this field and try again"
            if count == 1
            else f"correct these {count} fields and try again",
            fields={"paths": " ".join(path for path, _ in self._lines[:FAULTS_SHOWN])},
        )
