"""How soon all tables are one again, after anything."""

from __future__ import annotations

from bench.gossip.observe import part
from bench.gossip.report import row
from swarmpy.testing.gossip_sim.judge import untrue
from swarmpy.testing.gossip_sim.seed import healed_after_s, run_gossip_seed
from swarmpy.testing.gossip_sim.swarm import GossipSwarm
from swarmpy.testing.gossip_sim.tasks import Tasks

CUT_S = 30.0


def healing(seeds: int) -> None:
    """Play so many seeds."""
    outcomes = [run_gossip_seed(seed) for seed in range(seeds)]
    failed = [outcome.seed for outcome in outcomes if outcome.fault]
    times = [healed_after_s(outcome) for outcome in outcomes if not outcome.fault]
    row(
        f"{seeds:,} seeds: tables that were not one in 5 s",
        f"{len(failed)} {failed[:5] if failed else ''}",
        "0",
        met=not failed,
    )
    row("  all tables are one, median", f"{part(times, 0.5):.2f} s", "", met=None)
    row("  the slowest of the seeds", f"{max(times):.2f} s", "<= 5 s", met=max(times) <= 5)


def partition(size: int, apart: int, cuts: int) -> None:
    """Cut some nodes off for a while, tasks changing on both sides."""
    swarm = GossipSwarm(size, 6)
    tasks = Tasks(swarm)
    swarm.run(3.0)
    worst_s = 0.0
    for _ in range(cuts):
        for machine in swarm.machines:
            tasks.change(machine)
        swarm.weather.groups = dict.fromkeys(range(apart), 1)
        swarm.run(swarm.now + CUT_S / 2)
        for machine in swarm.machines:
            tasks.change(machine)
        swarm.run(swarm.now + CUT_S / 2)
        healed_s = swarm.now
        swarm.weather.groups = {}
        worst_s = max(worst_s, swarm.run_until(lambda: not untrue(swarm, tasks), 60) - healed_s)
    row(
        f"{apart} of {size} cut off {CUT_S:g} s: all names right, worst of {cuts}",
        f"{worst_s:.2f} s",
        "<= 2 s",
        met=worst_s <= 2,
    )
