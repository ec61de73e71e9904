"""An event loop on a thread of its own, for work that the main loop's stalls must not hold up.

home loop                                side loop
await side.run(work)  ── a task there ──>  work
                      <── in order ──────  side.post(function), and how work ended
                      <── a task there ──  await side.run_at_home(work)
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")

POSTS_A_TURN = 256
"""Posted functions that run before the home loop does something else."""


class SideLoop:
    """Home is the loop that enters `running`; nothing else may be called before."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._posts: deque[Callable[[], object]] = deque()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep the thread for the length of a block; what it was given must have ended then."""
        self._home = asyncio.get_running_loop()
        self._failed = asyncio.Event()
        ready = threading.Event()
        thread = threading.Thread(target=self._live, args=(ready,), name=self._name)
        thread.start()
        await asyncio.to_thread(ready.wait)
        try:
            yield
        finally:
            self._side.call_soon_threadsafe(self._side.stop)
            await asyncio.to_thread(thread.join)
            self._run_posts()

    def _live(self, ready: threading.Event) -> None:
        with asyncio.Runner() as runner:
            self._side = runner.get_loop()
            self._side.call_soon(ready.set)
            self._side.run_forever()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what `work` returns on the side loop, or raise what it raises. For home.

        When the caller is cancelled, so is the work, and the caller waits until it has ended.
        Everything that was posted before it ended has run then.
        """
        return await _run_on(self._side, work, self.post)

    async def run_at_home(self, work: Coroutine[Any, Any, T]) -> T:
        """Do the same the other way round. For the side loop."""
        return await _run_on(self._home, work, self._side.call_soon_threadsafe)

    def post(self, function: Callable[[], object]) -> None:
        """Let `function` run at home after all that was posted before. For the side loop."""
        self._posts.append(function)
        if len(self._posts) == 1:
            self._home.call_soon_threadsafe(self._run_posts)

    async def ask(self, function: Callable[[], T]) -> T:
        """Return what `function` returns at home, in its turn among the posts. For the side
        loop.
        """
        side = asyncio.get_running_loop()
        answer: asyncio.Future[T] = side.create_future()

        def give(result: T) -> None:
            if not answer.done():
                answer.set_result(result)

        self.post(lambda: side.call_soon_threadsafe(give, function()))
        return await answer

    async def until_a_post_fails(self) -> None:
        """Raise AssertionError when one has: what came after it may build on it."""
        await self._failed.wait()
        raise AssertionError("what a side loop posted has failed at home; the log says how")

    def _run_posts(self) -> None:
        for _ in range(POSTS_A_TURN):
            if not self._posts:
                return
            self._run_oldest_post()
        self._home.call_soon(self._run_posts)

    def _run_oldest_post(self) -> None:
        was_well = False
        try:
            self._posts[0]()
            was_well = True
        finally:
            self._posts.popleft()  # only now: while it is there, `post` need not wake anybody
            if not was_well:
                self._failed.set()
                self._home.call_soon(self._run_posts)


async def _run_on(
    loop: asyncio.AbstractEventLoop,
    work: Coroutine[Any, Any, T],
    call_back: Callable[[Callable[[], object]], object],
) -> T:
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    tasks: list[asyncio.Task[T]] = []

    def begin() -> None:
        task = loop.create_task(work)
        tasks.append(task)
        task.add_done_callback(lambda _: call_back(lambda: ended.set_result(None)))

    def cancel() -> None:
        tasks[0].cancel()

    loop.call_soon_threadsafe(begin)
    try:
        await asyncio.shield(ended)
    except asyncio.CancelledError:
        loop.call_soon_threadsafe(cancel)
        await ended
        if not tasks[0].cancelled():
            tasks[0].exception()  # looked at: the caller's cancellation is what counts
        raise
    return tasks[0].result()
