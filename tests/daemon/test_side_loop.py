"""Work beside the home loop: in order, ended with its caller, and not held up by it."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import AsyncIterator

import pytest

from swarmpy.daemon.side_loop import POSTS_A_TURN, SideLoop


@pytest.fixture
async def side() -> AsyncIterator[SideLoop]:
    loop = SideLoop("beside")
    async with loop.running():
        yield loop


async def test_work_runs_on_another_thread_and_its_answer_comes_home(side: SideLoop) -> None:
    async def work() -> str:
        await asyncio.sleep(0)
        return threading.current_thread().name

    assert await side.run(work()) == "beside"


async def test_what_work_raises_is_raised_at_home(side: SideLoop) -> None:
    async def work() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await side.run(work())


async def test_everything_posted_before_work_ended_has_run_when_it_is_awaited(
    side: SideLoop,
) -> None:
    ran: list[int] = []
    count = 3 * POSTS_A_TURN

    async def work() -> None:
        for number in range(count):
            side.post(lambda number=number: ran.append(number))  # type: ignore[misc]

    await side.run(work())
    assert ran == list(range(count))


async def test_many_posts_let_the_home_loop_breathe(side: SideLoop) -> None:
    turns: list[int] = []
    ran: list[int] = []

    async def work() -> None:
        for number in range(10 * POSTS_A_TURN):
            side.post(lambda number=number: ran.append(number))  # type: ignore[misc]

    async def breathe() -> None:
        while len(ran) < 10 * POSTS_A_TURN:
            turns.append(len(ran))
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(side.run(work()))
        tasks.create_task(breathe())
    assert max(b - a for a, b in itertools.pairwise(turns)) <= 2 * POSTS_A_TURN


async def test_a_cancelled_caller_waits_until_the_work_has_ended(side: SideLoop) -> None:
    begun, steps = threading.Event(), list[str]()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.02)
            steps.append("tidied up")

    caller = asyncio.create_task(side.run(work()))
    await asyncio.to_thread(begun.wait)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert steps == ["tidied up"]


async def test_work_beside_may_ask_for_something_at_home(side: SideLoop) -> None:
    async def at_home() -> str:
        return threading.current_thread().name

    async def work() -> str:
        return await side.run_at_home(at_home())

    assert await side.run(work()) == threading.current_thread().name


async def test_a_stall_at_home_holds_up_nobody_beside(side: SideLoop) -> None:
    gaps: list[float] = []

    async def work() -> None:
        last = time.monotonic()
        for _ in range(40):
            await asyncio.sleep(0.01)
            now = time.monotonic()
            gaps.append(now - last)
            last = now

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(side.run(work()))
        await asyncio.sleep(0.05)
        time.sleep(0.3)
    assert max(gaps) < 0.2


async def test_a_post_that_fails_is_known_and_later_ones_still_run(
    side: SideLoop, caplog: pytest.LogCaptureFixture
) -> None:
    ran: list[str] = []

    def fail() -> None:
        raise ZeroDivisionError

    async def work() -> None:
        side.post(fail)
        side.post(lambda: ran.append("after"))

    await side.run(work())
    with pytest.raises(AssertionError, match="has failed at home"):
        await side.until_a_post_fails()
    assert ran == ["after"]
    assert "ZeroDivisionError" in caplog.text
