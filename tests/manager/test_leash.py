"""Work ends from outside with the reason, and a cancellation stays a cancellation."""

from __future__ import annotations

import asyncio

import pytest

from swarmpy.errors import NotFound, NotLeader, WrongState
from swarmpy.manager.leash import Leash, Leashes, until_first_ends
from tests.manager.stopped_clock import settle


async def forever() -> None:
    await asyncio.Event().wait()


async def test_a_pull_ends_the_block_with_its_error() -> None:
    leash = Leash()

    async def hold() -> None:
        async with leash.held():
            await forever()

    task = asyncio.create_task(hold())
    await settle()
    leash.pull(NotLeader.ask("m2"))
    leash.pull(WrongState("too late"))
    with pytest.raises(NotLeader):
        await task


async def test_a_pull_before_the_block_ends_it_as_it_begins() -> None:
    leash = Leash()
    leash.pull(NotFound("gone"))
    with pytest.raises(NotFound):
        async with leash.held():
            pytest.fail("the block must not run")


async def test_a_cancellation_is_not_taken_for_a_pull() -> None:
    leash = Leash()

    async def hold() -> None:
        async with leash.held():
            await forever()

    task = asyncio.create_task(hold())
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_timeout_inside_the_block_is_not_taken_for_a_pull() -> None:
    with pytest.raises(TimeoutError):
        async with Leash().held():
            raise TimeoutError


async def test_all_leashes_are_pulled_together_also_later_ones() -> None:
    leashes = Leashes()

    async def hold() -> None:
        async with leashes.held():
            await forever()

    tasks = [asyncio.create_task(hold()) for _ in range(3)]
    await settle()
    leashes.pull(NotLeader.ask(""))
    results = await asyncio.gather(*tasks, hold(), return_exceptions=True)
    assert all(isinstance(result, NotLeader) for result in results)


async def test_the_first_that_ends_cancels_the_others() -> None:
    cancelled = asyncio.Event()

    async def other() -> None:
        try:
            await forever()
        finally:
            cancelled.set()

    await until_first_ends(asyncio.sleep(0), other())
    assert cancelled.is_set()


async def test_the_error_of_the_first_comes_as_it_is() -> None:
    async def fail() -> None:
        raise NotFound("gone")

    with pytest.raises(NotFound):
        await until_first_ends(fail(), forever())


async def test_a_bug_is_not_hidden() -> None:
    async def crash() -> None:
        raise ZeroDivisionError

    with pytest.raises(ExceptionGroup):
        await until_first_ends(crash(), forever())
