"""The loops run side by side, each on its own commits, and never fight."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest

from swarmpy.core.task_life import is_live
from swarmpy.manager.loops.orchestration import ORCHESTRATION_LOOPS
from swarmpy.pb.types_pb2 import (
    AVAILABILITY_ACTIVE,
    AVAILABILITY_DRAIN,
    FAILURE_ACTION_CONTINUE,
    UPDATE_ORDER_START_FIRST,
    UPDATE_ORDER_STOP_FIRST,
)
from swarmpy.testing.builders import service_spec, task_spec
from swarmpy.testing.virtual_loop import run
from tests.core.test_orchestration import assert_in_order
from tests.core.toy_world import ToyClock, ToyWorld


class LoopClock(ToyClock):
    """Shows the time of the loop that runs."""

    @property
    def now_ms(self) -> int:
        return 1_000_000 + round(asyncio.get_running_loop().time() * 1000)

    @now_ms.setter
    def now_ms(self, value: int) -> None:
        """Time is the loop's."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass
class RacingWorld(ToyWorld):
    """A toy world whose loops run as they do on a leader, over a log with a latency."""

    clock: ToyClock = field(default_factory=LoopClock)

    async def run_for(self, rng: random.Random, script: Coroutine[Any, Any, None]) -> None:
        async def propose(entry: bytes) -> int:
            await asyncio.sleep(rng.uniform(0.001, 0.02))
            return self.apply(entry)

        self.store.connect(propose)
        async with asyncio.TaskGroup() as group:
            loops = [loop(self.store, self.clock, self.ids) for loop in ORCHESTRATION_LOOPS]
            running = [group.create_task(loop.run()) for loop in loops]
            running.append(group.create_task(self._agents()))
            await script
            for one in running:
                one.cancel()

    async def _agents(self) -> None:
        while True:
            busy = self.work()
            await asyncio.sleep(0.01 if busy else 0.1)


async def race(rng: random.Random) -> None:
    world = RacingWorld()
    spec = service_spec("web", replicas=4, task=task_spec("web:1"))
    spec.update.parallelism = 2
    spec.update.failure_action = FAILURE_ACTION_CONTINUE

    def shake() -> None:
        match rng.choice(["kill", "scale", "update", "crash", "drain"]):
            case "kill" if running := world.running():
                world.kill(rng.choice(running))
            case "scale":
                spec.replicated.replicas = rng.randint(0, 6)
                world.deploy(spec)
            case "update":
                spec.task.containers[0].image = f"web:{rng.randint(1, 3)}"
                spec.update.order = rng.choice([UPDATE_ORDER_STOP_FIRST, UPDATE_ORDER_START_FIRST])
                world.deploy(spec)
            case "crash":
                world.crash("n1")
            case "drain":
                with world.node("n2") as row:
                    row.spec.availability = AVAILABILITY_DRAIN
            case _:
                world.revive("n1")
                with world.node("n2") as row:
                    row.spec.availability = AVAILABILITY_ACTIVE

    async def script() -> None:
        world.deploy(spec)
        for _ in range(12):
            await asyncio.sleep(rng.choice([0.002, 0.02, 0.3, 2.0]))
            shake()
        await asyncio.sleep(120)

    await world.run_for(rng, script())
    assert_in_order(world, spec.replicated.replicas)
    assert set(world.images()) <= {spec.task.containers[0].image}


@pytest.mark.parametrize("seed", range(25))
def test_whatever_the_order_of_commits_what_is_wanted_runs_in_the_end(seed: int) -> None:
    run(race, seed)


async def come_and_go(rng: random.Random) -> None:
    world = RacingWorld()
    spec = service_spec("web", replicas=4, task=task_spec("web:1"))

    async def script() -> None:
        for _ in range(10):
            if world.view.services.find("s1") is None:
                world.deploy(spec)
            await asyncio.sleep(rng.choice([0, 0.003, 0.02, 0.2]))
            if world.view.services.find("s1") is not None:
                world.remove()
            await asyncio.sleep(rng.choice([0.003, 0.1, 1]))
        await asyncio.sleep(10)

    await world.run_for(rng, script())
    assert not list(world.view.services)
    assert not [task for task in world.view.tasks if is_live(task)]
    assert not list(world.view.tasks)


@pytest.mark.parametrize("seed", range(10))
def test_a_service_that_comes_and_goes_leaves_no_task_behind(seed: int) -> None:
    run(come_and_go, seed)
