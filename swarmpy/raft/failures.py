"""What callbacks raise, for the task that answers for them: a loop would only log it."""

from __future__ import annotations

import asyncio
from types import TracebackType


class Failures:
    """`with failures:` in callbacks; `raise_first` in a task. The first failure is the one told."""

    def __init__(self) -> None:
        self._failed = asyncio.Event()
        self._first: Exception | None = None

    @property
    def are_none(self) -> bool:
        return self._first is None

    async def raise_first(self) -> None:
        """Wait until something fails, and raise that."""
        await self._failed.wait()
        assert self._first is not None
        raise self._first

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self._first = self._first or error
        self._failed.set()
        return True
