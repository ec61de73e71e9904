import asyncio
import random

import pytest

from swarmpy.daemon.clock import SystemClock
from swarmpy.testing.clock import VirtualClock
from swarmpy.testing.conformance.clock import PROMISES, Promise
from swarmpy.testing.virtual_loop import run

each_promise = pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)


@each_promise
def test_virtual_clock(promise: Promise) -> None:
    async def main(_rng: random.Random) -> None:
        await promise(VirtualClock(asyncio.get_running_loop()))

    run(main, seed=1)


@each_promise
async def test_system_clock(promise: Promise) -> None:
    await promise(SystemClock())
