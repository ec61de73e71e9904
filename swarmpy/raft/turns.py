"""When a member gets its turns: at once for what arrives, soon for what may gather first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from swarmpy.raft.failures import Failures


class Turns:
    """One at a time, between `begin` and `end`, and none after one that failed."""

    def __init__(self, turn: Callable[[], None], failures: Failures) -> None:
        self._turn = turn
        self._failures = failures
        self._loop: asyncio.AbstractEventLoop | None = None
        """None while there are none."""
        self._is_due = False
        self._is_taken = False

    def begin(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.soon()

    def end(self) -> None:
        self._loop = None

    def soon(self) -> None:
        """Give one in the loop's next round, for all who ask until then."""
        if self._loop is not None and not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._take_due)

    def now(self) -> None:
        """Give one at once; soon, when one is being taken."""
        if self._is_taken:
            self.soon()
        elif self._loop is not None and self._failures.are_none:
            self._is_taken = True
            with self._failures:
                self._turn()
            self._is_taken = False

    def _take_due(self) -> None:
        self._is_due = False
        self.now()
