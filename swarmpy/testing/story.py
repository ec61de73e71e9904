"""What happened in a simulated swarm, line by line: for people after a failure, and as a hash.

Two runs of one seed must tell the same story; the hash says so without keeping either.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, NoReturn

import structlog

from swarmpy.errors import SwarmPyError

LINES_KEPT = 400
"""The end of a story is what explains a failure; the seed replays the beginning."""


class Broken(AssertionError):
    """Something that must never happen did: an invariant is broken, or a part crashed."""


class Story:
    """Collects what faults, parts and invariants have to say, in virtual time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.events = 0
        self.faults: list[str] = []
        """What must never happen and did; the first one is the cause."""
        self.broken = asyncio.Event()
        self.is_over = False
        """What is told from then on is of no interest; blame still counts."""
        self._loop = loop
        self._hash = hashlib.sha256()
        self._lines: deque[str] = deque(maxlen=LINES_KEPT)

    @property
    def digest(self) -> str:
        """Of everything told so far, in order."""
        return self._hash.hexdigest()[:16]

    def lines(self) -> list[str]:
        """Return the last LINES_KEPT lines."""
        return list(self._lines)

    def tell(self, event: str, **fields: object) -> None:
        """Add a line, unless the story is over."""
        if self.is_over:
            return
        said = " ".join(f"{name}={value}" for name, value in sorted(fields.items()))
        line = f"{self._loop.time():10.4f} {event} {said}"
        self.events += 1
        self._hash.update(line.encode())
        self._lines.append(line)

    def blame_error(self, what: str, bug: BaseException) -> None:
        """Do the same for an error, with the place it came from."""
        self.blame(f"{what}: {_described(bug)}")

    def blame(self, what: str) -> None:
        """Say that something happened which must never happen; the run ends with it."""
        self.tell("BROKEN", what=what)
        self.faults.append(what)
        self.broken.set()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take in everything that is logged and every error nobody handles, within a block."""
        processors: list[Any] = structlog.get_config()["processors"]
        before = list(processors)
        handler = self._loop.get_exception_handler()
        processors[:] = [self._take_log]
        self._loop.set_exception_handler(self._take_unhandled)
        try:
            yield
        finally:
            processors[:] = before
            self._loop.set_exception_handler(handler)

    def _take_log(self, _logger: Any, level: str, event: MutableMapping[str, Any]) -> NoReturn:
        name = str(event.pop("event"))
        error = event.pop("exc_info", None)
        self.tell(name, level=level, **{key: _plain(value) for key, value in event.items()})
        if isinstance(error, BaseException) and (bug := bug_in(error)):
            self.blame_error(name, bug)
        raise structlog.DropEvent

    def _take_unhandled(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        bug = bug_in(error) if error is not None else None
        if bug is not None:
            self.blame_error(context["message"], bug)


def bug_in(error: BaseException) -> BaseException | None:
    """Return what in `error`, or in its groups, is no expected failure; None when all is."""
    if isinstance(error, BaseExceptionGroup):
        return next((bug for part in error.exceptions if (bug := bug_in(part))), None)
    expected = isinstance(error, SwarmPyError | asyncio.CancelledError)
    return None if expected else error


def _described(error: BaseException) -> str:
    """Return an error and the innermost line of ours it came from."""
    place = ""
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if "swarmpy" in code.co_filename:
            place = f" at {code.co_filename}:{traceback.tb_lineno} in {code.co_name}"
        traceback = traceback.tb_next
    return f"{error!r}{place}"


def _plain(value: object) -> object:
    """Return what reads the same in every process: no memory addresses, no sets."""
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    return value if isinstance(value, str | int | float | bool | None) else str(value)
