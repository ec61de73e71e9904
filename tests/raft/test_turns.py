"""Turns are one at a time, and the first that fails is the last."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from swarmpy.raft.failures import Failures
from swarmpy.raft.turns import Turns


class Counted:
    """Turns that do something, and how many there were."""

    def __init__(self, work: Callable[[], None] = lambda: None) -> None:
        self.count = 0
        self.work = work
        self.failures = Failures()
        self.turns = Turns(self._turn, self.failures)

    def _turn(self) -> None:
        self.count += 1
        self.work()


async def rounds(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_many_who_can_wait_share_a_turn() -> None:
    counted = Counted()
    counted.turns.begin()
    counted.turns.soon()
    counted.turns.soon()
    assert counted.count == 0
    await rounds()
    assert counted.count == 1


async def test_who_cannot_wait_has_one_at_once() -> None:
    counted = Counted()
    counted.turns.begin()
    counted.turns.now()
    assert counted.count == 1


async def test_a_turn_within_a_turn_comes_after_it() -> None:
    counted = Counted()
    counted.work = lambda: counted.turns.now() if counted.count == 1 else None
    counted.turns.begin()
    counted.turns.now()
    assert counted.count == 1
    await rounds()
    assert counted.count == 2


async def test_there_are_none_before_the_beginning_and_after_the_end() -> None:
    counted = Counted()
    counted.turns.now()
    counted.turns.soon()
    counted.turns.begin()
    counted.turns.end()
    counted.turns.now()
    await rounds()
    assert counted.count == 0


async def test_a_turn_that_fails_is_the_last_and_is_told_of() -> None:
    def fail() -> None:
        raise OSError("the disk is gone")

    counted = Counted(fail)
    counted.turns.begin()
    counted.turns.now()
    counted.turns.now()
    assert counted.count == 1
    with pytest.raises(OSError, match="the disk is gone"):
        await counted.failures.raise_first()
