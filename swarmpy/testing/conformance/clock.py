"""What a `seams.Clock` promises."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from swarmpy.seams import Clock

Promise: TypeAlias = Callable[[Clock], Awaitable[None]]

NAP_S = 0.02


async def a_sleep_lasts_at_least_as_long_as_asked(clock: Clock) -> None:
    began_s = clock.monotonic()
    await clock.sleep(NAP_S)
    # Loops wake timers up to their clock's resolution early.
    assert clock.monotonic() - began_s > 0.99 * NAP_S


async def monotonic_time_never_goes_back(clock: Clock) -> None:
    seen = [clock.monotonic() for _ in range(1000)]
    assert seen == sorted(seen)


async def the_wall_clock_moves_on_while_one_sleeps(clock: Clock) -> None:
    began_s = clock.now()
    await clock.sleep(NAP_S)
    assert clock.now() > began_s


async def the_wall_clock_counts_from_the_epoch(clock: Clock) -> None:
    assert 1.5e9 < clock.now() < 4e9, "this century, in seconds"


async def sleeping_for_no_time_returns(clock: Clock) -> None:
    await clock.sleep(0)


PROMISES: tuple[Promise, ...] = (
    a_sleep_lasts_at_least_as_long_as_asked,
    monotonic_time_never_goes_back,
    the_wall_clock_moves_on_while_one_sleeps,
    the_wall_clock_counts_from_the_epoch,
    sleeping_for_no_time_returns,
)
