"""Runs one seed from beginning to end: start, trouble, quiet, judgement."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass

from swarmpy.task_group import TaskGroup
from swarmpy.testing.fault_schedule import FaultSchedule
from swarmpy.testing.one_at_a_time import declare_data
from swarmpy.testing.settled import unsettled
from swarmpy.testing.simulation import Swarm
from swarmpy.testing.story import Broken
from swarmpy.testing.ticks import begin_to_tick
from swarmpy.testing.virtual_loop import Deadlock, run
from swarmpy.testing.workload import Workload

TROUBLE_S = 60.0
QUIET_S = 60.0
RUN_S = 5.0
"""A cron job's run may begin in the very moment of judgement; it is over by then."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one seed."""

    seed: int
    digest: str
    """Of the whole history: two runs of one seed have the same."""
    events: int
    virtual_s: float
    real_s: float
    fault: str
    """Empty when everything held."""
    story: tuple[str, ...]
    """The last lines of what happened."""


def run_seed(seed: int, *, trouble_s: float = TROUBLE_S, quiet_s: float = QUIET_S) -> Outcome:
    """Return what became of a seed; what goes wrong in it is told, not raised."""
    began_s = time.perf_counter()
    swarms: list[Swarm] = []

    async def main(_rng: random.Random) -> float:
        swarm = Swarm(seed)
        swarms.append(swarm)
        await _live(swarm, trouble_s, quiet_s)
        return asyncio.get_running_loop().time()

    fault, virtual_s = "", 0.0
    try:
        virtual_s = run(main, seed)
    except (Broken, Deadlock) as error:
        fault = str(error).partition("\n")[0]
    story = swarms[0].story
    return Outcome(
        seed=seed,
        digest=story.digest,
        events=story.events,
        virtual_s=virtual_s,
        real_s=time.perf_counter() - began_s,
        fault=fault,
        story=tuple(story.lines()),
    )


async def _live(swarm: Swarm, trouble_s: float, quiet_s: float) -> None:
    async with swarm:
        founder = swarm.hosts[swarm.world.managers[0]]
        await begin_to_tick(swarm.stores()[founder.name], int(founder.clock.now() * 1000))
        await declare_data(swarm.stores()[founder.name])
        workload = Workload(swarm)
        async with TaskGroup() as fates:
            judge = fates.create_task(_watch(swarm))
            trouble = [
                fates.create_task(workload.run(trouble_s)),
                fates.create_task(FaultSchedule(swarm).run(trouble_s)),
            ]
            await asyncio.wait(trouble)
            swarm.heal()
            swarm.story.tell("QUIET", seconds=quiet_s)
            await asyncio.sleep(quiet_s)
            if unsettled(swarm, workload):
                await asyncio.sleep(RUN_S)
            judge.cancel()
        for wrong in unsettled(swarm, workload):
            swarm.story.blame(f"after {quiet_s:g} quiet seconds: {wrong}")


async def _watch(swarm: Swarm) -> None:
    await swarm.story.broken.wait()
    swarm.raise_if_broken()
