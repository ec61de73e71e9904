"""Ends work from outside, with an error that says why: streams whose ground is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from swarmpy.errors import SwarmPyError
from swarmpy.task_group import TaskGroup


class Leash:
    """Held around a block; whoever pulls it ends the block with an error.

    `asyncio.timeout` does the cancelling, so a cancellation that comes from elsewhere at the
    same moment is not swallowed.
    """

    def __init__(self) -> None:
        self._error: SwarmPyError | None = None
        self._timeout: asyncio.Timeout | None = None

    def pull(self, error: SwarmPyError) -> None:
        """End the block with `error`, now or as soon as it begins. The first pull counts."""
        if self._error is not None:
            return
        self._error = error
        if self._timeout is not None:
            self._timeout.reschedule(0)

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Run the block until it is done or the leash is pulled."""
        if self._error is not None:
            raise self._error
        self._timeout = asyncio.timeout(None)
        try:
            async with self._timeout:
                yield
        except TimeoutError:
            if not self._timeout.expired():
                raise
            raise self._reason() from None
        finally:
            self._timeout = None

    def _reason(self) -> SwarmPyError:
        assert self._error is not None, "only a pull lets it expire"
        return self._error


class Leashes:
    """All leashes of one ground: pull them together when it goes."""

    def __init__(self) -> None:
        self._held: dict[Leash, None] = {}  # not a set: a seed replays the order
        self._error: SwarmPyError | None = None

    @contextmanager
    def added(self, leash: Leash) -> Iterator[Leash]:
        """Count `leash` in for the length of a block."""
        if self._error is not None:
            leash.pull(self._error)
        self._held[leash] = None
        try:
            yield leash
        finally:
            self._held.pop(leash, None)

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Run a block on a leash of its own."""
        with self.added(Leash()) as leash:
            async with leash.held():
                yield

    def pull(self, error: SwarmPyError) -> None:
        """End every block, and every later one as it begins."""
        self._error = error
        for leash in self._held:
            leash.pull(error)


async def until_first_ends(*works: Coroutine[Any, Any, None]) -> None:
    """Run all of them until one returns or fails, then cancel the others.

    Raises:
        SwarmPyError: the first that one of them raised, as it is. Anything else is a bug and
            comes in an ExceptionGroup.
    """
    ended = asyncio.Event()
    errors: list[SwarmPyError] = []

    async def run(work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except SwarmPyError as error:
            errors.append(error)
        finally:
            ended.set()

    async with TaskGroup() as group:
        tasks = [group.create_task(run(work)) for work in works]
        await ended.wait()
        for task in tasks:
            task.cancel()
    if errors:
        raise errors[0]
