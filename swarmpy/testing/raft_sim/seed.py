"""Runs one seed: start, trouble, quiet, judgement."""

from __future__ import annotations

import asyncio
import random
import time

from swarmpy.task_group import TaskGroup
from swarmpy.testing.linearizability import why_not_linearizable
from swarmpy.testing.raft_sim.clients import Clients
from swarmpy.testing.raft_sim.faults import Faults
from swarmpy.testing.raft_sim.operators import Operators
from swarmpy.testing.raft_sim.quorum import Quorum
from swarmpy.testing.seed import Outcome
from swarmpy.testing.virtual_loop import Deadlock, run

TROUBLE_S = 8.0
CLIENTS = 4
TRIES = 20


def run_raft_seed(seed: int, *, trouble_s: float = TROUBLE_S) -> Outcome:
    """Return what became of a seed; what goes wrong in it is told, not raised."""
    began_s = time.perf_counter()
    quorums: list[Quorum] = []

    async def main(_rng: random.Random) -> float:
        async with TaskGroup() as tasks:
            quorum = Quorum(seed, tasks)
            quorums.append(quorum)
            with quorum.story.listening():
                await _until_broken(quorum, trouble_s)
                await quorum.stop()
        return asyncio.get_running_loop().time()

    stuck, virtual_s = "", 0.0
    try:
        virtual_s = run(main, seed)
    except Deadlock as error:
        stuck = str(error).partition("\n")[0]
    story = quorums[0].story
    return Outcome(
        seed=seed,
        digest=story.digest,
        events=story.events,
        virtual_s=virtual_s,
        real_s=time.perf_counter() - began_s,
        fault=next(iter(story.faults), stuck),
        story=tuple(story.lines()),
    )


async def _until_broken(quorum: Quorum, trouble_s: float) -> None:
    async with TaskGroup() as fates:
        life = fates.create_task(_live(quorum, trouble_s))
        broken = fates.create_task(quorum.story.broken.wait())
        await asyncio.wait([life, broken], return_when=asyncio.FIRST_COMPLETED)
        life.cancel()
        broken.cancel()


async def _live(quorum: Quorum, trouble_s: float) -> None:
    await quorum.start()
    clients = Clients(quorum, CLIENTS)
    operators = Operators(quorum)
    async with TaskGroup() as fates:
        busy = [
            fates.create_task(quorum.watch_logs()),
            fates.create_task(clients.run()),
            fates.create_task(operators.run()),
        ]
        await Faults(quorum).run(trouble_s)
        for task in busy:
            task.cancel()
    quorum.story.tell("QUIET")
    await _judge(quorum, clients, operators)


async def _judge(quorum: Quorum, clients: Clients, operators: Operators) -> None:
    """Heal everything; then all must work, and nothing may be missing."""
    await quorum.heal()
    if not await _works(quorum, clients, operators):
        quorum.story.blame("no quorum settled and served after all trouble had passed")
        return
    quorum.judge.compare_logs(quorum.nodes)
    for wrong in quorum.judge.lost():
        quorum.story.blame(wrong)
    wrong = why_not_linearizable(clients.history)
    if wrong:
        quorum.story.blame(wrong)
    quorum.story.tell("JUDGED", operations=len(clients.history), **quorum.judge.counts)


async def _works(quorum: Quorum, clients: Clients, operators: Operators) -> bool:
    """Say whether lost members can be replaced, every register used, and all agree after."""
    for _ in range(TRIES):
        leader = await quorum.settled()
        if leader is None:
            return False
        if await operators.replace_lost() and await clients.use_all(leader):
            return await quorum.settled() is not None
    return False
