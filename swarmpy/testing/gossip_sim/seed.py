"""Runs one seed of gossip: trouble, healing, judgement."""

from __future__ import annotations

import time

from swarmpy.testing.gossip_sim.faults import SETTLED_S, Faults
from swarmpy.testing.gossip_sim.judge import Judge, unequal, untrue
from swarmpy.testing.gossip_sim.story import GossipStory
from swarmpy.testing.gossip_sim.swarm import GossipSwarm
from swarmpy.testing.gossip_sim.tasks import Tasks
from swarmpy.testing.seed import Outcome

SIZES = (2, 3, 5, 8, 13, 21)
TROUBLE_S = (10.0, 25.0, 100.0)
CONVERGED_S = 5.0
"""So long after healing all tables are one."""
TRUE_S = 5.0
"""So long after healing everybody shows what runs, and nothing else."""


def run_gossip_seed(seed: int) -> Outcome:
    """Return what became of a seed."""
    began_s = time.perf_counter()
    story = GossipStory()
    swarm = GossipSwarm(SIZES[seed % len(SIZES)], seed, acquainted=False)
    tasks = Tasks(swarm)
    faults = Faults(swarm, tasks, story)
    Judge(swarm, story)
    swarm.acquaint()
    faults.begin()
    rng = swarm.rng("length")
    swarm.run(rng.choice(TROUBLE_S) * (0.5 + rng.random() / 2))
    faults.heal()
    _judge(swarm, tasks, story)
    return Outcome(
        seed=seed,
        digest=story.digest,
        events=swarm.steps,
        virtual_s=swarm.now,
        real_s=time.perf_counter() - began_s,
        fault=next(iter(story.faults), ""),
        story=story.lines(),
    )


def healed_after_s(outcome: Outcome) -> float:
    """Return how long after healing all tables of a seed that held were one.

    At least SETTLED_S: before, nodes that restarted still find their tasks.
    """
    said = outcome.story[-1].partition("equal_s=")[2]
    return float(said.partition(" ")[0])


def _judge(swarm: GossipSwarm, tasks: Tasks, story: GossipStory) -> None:
    healed_s = swarm.now
    swarm.run(healed_s + SETTLED_S)
    equal_s = swarm.run_until(lambda: not unequal(swarm), CONVERGED_S - SETTLED_S)
    wrong = unequal(swarm)
    if wrong:
        story.blame(swarm.now, f"{wrong} {swarm.now - healed_s:.1f} s after healing")
        return
    true_s = swarm.run_until(lambda: not untrue(swarm, tasks), healed_s + TRUE_S - swarm.now)
    wrong = untrue(swarm, tasks)
    if wrong:
        story.blame(swarm.now, f"{wrong} {swarm.now - healed_s:.1f} s after healing")
        return
    story.tell(
        swarm.now, "JUDGED", equal_s=f"{equal_s - healed_s:.2f}", true_s=f"{true_s - healed_s:.2f}"
    )
