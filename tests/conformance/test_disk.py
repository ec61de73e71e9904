import asyncio
import random
from pathlib import Path

import pytest

from swarmpy.raft.disk import LocalDisk
from swarmpy.testing.clock import VirtualClock
from swarmpy.testing.conformance.disk import PROMISES, Promise
from swarmpy.testing.faulty_disk import FaultyDisk
from swarmpy.testing.virtual_loop import run

each_promise = pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)


@each_promise
def test_faulty_disk(promise: Promise) -> None:
    async def main(rng: random.Random) -> None:
        disk = FaultyDisk(rng, VirtualClock(asyncio.get_running_loop()), sync_s=0.001)
        await promise(disk, Path("/var/lib/swarmpy"))

    run(main, seed=1)


@each_promise
async def test_local_disk(promise: Promise, tmp_path: Path) -> None:
    await promise(LocalDisk(), tmp_path / "swarmpy")
