"""Tells who watches what was committed. A watcher that lags is told to look at everything again."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

LIMIT = 1000
"""Commits that may wait for one watcher; past it they become one resync."""


@dataclass(frozen=True, slots=True)
class RowChange:
    """One row before and after; `old` is None for a new row, `new` for a removed one."""

    table: str
    id: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Commit:
    """One applied transaction, or (resync) the news that some were missed."""

    index: int
    changes: tuple[RowChange, ...] = ()
    resync: bool = False


class Watch:
    """Commits that touch the tables asked for; `async for` never ends by itself.

    The first item is always a resync: look at everything, then follow.
    """

    def __init__(self, tables: Iterable[str], index: int, limit: int = LIMIT) -> None:
        self.tables = frozenset(tables)
        self._limit = limit
        self._waiting: deque[Commit] = deque([Commit(index, resync=True)])
        self._wake = asyncio.Event()
        self._wake.set()

    def __aiter__(self) -> Watch:
        return self

    async def __anext__(self) -> Commit:
        await self.ready()
        return self._waiting.popleft()

    async def ready(self) -> None:
        """Return once something waits."""
        while not self._waiting:
            self._wake.clear()
            await self._wake.wait()

    def take(self) -> list[Commit]:
        """Return everything that waits now, oldest first, without waiting."""
        taken = list(self._waiting)
        self._waiting.clear()
        return taken

    def push(self, commit: Commit) -> None:
        """Hand over a commit. For the store only."""
        if not commit.resync and self.tables:
            changes = tuple(change for change in commit.changes if change.table in self.tables)
            if not changes:
                return
            commit = Commit(commit.index, changes)
        if commit.resync or len(self._waiting) >= self._limit:
            self._waiting.clear()
            commit = Commit(commit.index, resync=True)
        self._waiting.append(commit)
        self._wake.set()
