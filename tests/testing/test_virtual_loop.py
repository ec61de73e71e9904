import asyncio
import random
import socket

import pytest

from swarmpy.testing.clock import EPOCH_S, VirtualClock
from swarmpy.testing.virtual_loop import Deadlock, run


def test_an_hour_of_sleep_takes_no_time_and_ends_at_the_hour() -> None:
    async def main(_rng: random.Random) -> float:
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    assert run(main, seed=1) == 3600.0


def test_a_deadlock_names_who_waits_and_where() -> None:
    async def wait_for_godot(never: asyncio.Event) -> None:
        await never.wait()

    async def main(_rng: random.Random) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(wait_for_godot(asyncio.Event()), name="vladimir")

    with pytest.raises(Deadlock, match=r"vladimir: .*wait_for_godot at .*test_virtual_loop"):
        run(main, seed=1)


def test_a_thread_is_refused() -> None:
    async def main(_rng: random.Random) -> None:
        await asyncio.to_thread(print)

    with pytest.raises(AssertionError, match="real time"):
        run(main, seed=1)


def test_a_socket_is_refused() -> None:
    async def main(_rng: random.Random) -> None:
        with socket.socket() as listener:
            listener.setblocking(False)
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            await asyncio.get_running_loop().sock_accept(listener)

    with pytest.raises(AssertionError, match="real time"):
        run(main, seed=1)


def test_a_set_of_tasks_is_walked_in_the_order_they_were_made() -> None:
    async def main(_rng: random.Random) -> list[str]:
        ended: list[str] = []

        async def sleeper(name: str) -> None:
            try:
                await asyncio.sleep(100)
            finally:
                ended.append(name)

        async def fail() -> None:
            await asyncio.sleep(1)
            raise ConnectionError

        async def group_that_fails() -> None:
            async with asyncio.TaskGroup() as group:
                for n in range(5):
                    group.create_task(sleeper(f"{n}"))
                group.create_task(fail())

        with pytest.raises(ExceptionGroup):
            await group_that_fails()
        return ended

    assert run(main, seed=1) == ["0", "1", "2", "3", "4"]


def test_skew_moves_the_wall_clock_and_no_timeout() -> None:
    async def main(_rng: random.Random) -> tuple[float, float]:
        clock = VirtualClock(asyncio.get_running_loop(), skew_s=-30.0)
        await clock.sleep(5)
        return clock.now(), clock.monotonic()

    assert run(main, seed=1) == (EPOCH_S - 25.0, 5.0)
