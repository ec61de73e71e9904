import asyncio

import pytest

from swarmpy.task_group import TaskGroup


async def fail(at: asyncio.Event) -> None:
    await at.wait()
    raise OSError("broken")


async def patient(at: asyncio.Event, turns: list[str]) -> None:
    """Answer a failure with another attempt, as sessions and watches do."""
    for turn in ("first", "second"):
        turns.append(turn)
        try:
            async with TaskGroup() as group:
                group.create_task(fail(at))
        except* OSError:
            pass


async def test_a_failure_is_told_to_whoever_is_not_cancelled() -> None:
    at, turns = asyncio.Event(), list[str]()
    at.set()
    await patient(at, turns)
    assert turns == ["first", "second"]


@pytest.mark.parametrize("is_failure_first", [True, False])
async def test_a_cancellation_is_heard_though_a_task_fails_in_the_same_turn(
    is_failure_first: bool,
) -> None:
    at, turns = asyncio.Event(), list[str]()
    task = asyncio.create_task(patient(at, turns))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    (at.set if is_failure_first else task.cancel)()
    (task.cancel if is_failure_first else at.set)()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert turns == ["first"]


async def test_a_timeout_is_told_though_a_task_fails_in_the_same_turn() -> None:
    async def fails_on_cancellation() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            raise OSError("broken")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01), TaskGroup() as group:
            group.create_task(fails_on_cancellation())


async def test_a_group_inside_another_fails_alone() -> None:
    at = asyncio.Event()
    at.set()
    async with TaskGroup() as outer:
        outer.create_task(asyncio.sleep(0))
        with pytest.raises(ExceptionGroup):
            async with TaskGroup() as inner:
                inner.create_task(fail(at))
