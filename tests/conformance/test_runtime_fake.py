import asyncio
import random

import pytest

from swarmpy.testing.clock import VirtualClock
from swarmpy.testing.conformance.behaviour import as_labels
from swarmpy.testing.conformance.pods import POD_PROMISES
from swarmpy.testing.conformance.runtime import PROMISES, Bench, Promise
from swarmpy.testing.conformance.runtime_files import FILE_PROMISES
from swarmpy.testing.conformance.runtime_volumes import VOLUME_PROMISES
from swarmpy.testing.fake_runtime import FakeRuntime
from swarmpy.testing.virtual_loop import run


@pytest.mark.parametrize(
    "promise",
    PROMISES + POD_PROMISES + VOLUME_PROMISES + FILE_PROMISES,
    ids=lambda promise: promise.__name__,
)
def test_fake_runtime(promise: Promise) -> None:
    async def main(_rng: random.Random) -> None:
        clock = VirtualClock(asyncio.get_running_loop())
        await promise(Bench(FakeRuntime("n1", clock), FakeRuntime("n2", clock), "n1", as_labels))

    run(main, seed=1)
