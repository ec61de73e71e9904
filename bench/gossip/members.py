"""How fast deaths are known, how often they are false, and what it costs to know nothing new."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from statistics import median

from bench.gossip.observe import Observer, sent
from bench.gossip.report import row
from swarmpy.core.gossip.profile import DEFAULT, Profile
from swarmpy.testing.gossip_sim.swarm import GossipSwarm

APART_S = 1.0
"""Between a death that all know and the next."""
WITHOUT_LIFEGUARD = replace(
    DEFAULT, health_max=0, confirmations=0, tells_suspects=False, mass_fraction=1.0
)


def detection(profile: Profile, name: str, size: int, kills: int, goal_s: float) -> None:
    """Kill nodes, one after the other, at 5 % loss: their processes first, then whole hosts.

    The goal is held against the median: how soon the first probe meets the dead is chance.
    """
    for what, host in (("process", False), ("host", True)):
        swarm = GossipSwarm(size, 1, profile=profile, loss=0.05)
        observer = Observer(swarm)
        swarm.run(3.0)
        first, known = [], []
        for victim in range(kills):
            began_s = swarm.now
            swarm.crash(swarm.machines[victim], host=host)
            survivors = size - 1 - victim
            needed = round(survivors * 0.999)
            swarm.run_until(partial(_is_known, observer, victim, needed), 60)
            times = [at for at, _, of in observer.deaths if of == victim]
            first.append(min(times) - began_s)
            known.append(sorted(times)[needed - 1] - began_s)
            swarm.run(swarm.now + APART_S)
        label = f"{name}, N = {size:,}, {what} killed"
        row(f"{label}: first to know, median of {kills}", f"{median(first):.1f} s", "", met=None)
        row(
            f"{label}: 99.9 % know, median",
            f"{median(known):.1f} s, worst {max(known):.1f} s",
            f"<= {goal_s:g} s",
            met=median(known) <= goal_s,
        )


def _is_known(observer: Observer, victim: int, needed: int) -> bool:
    return sum(1 for _, _, of in observer.deaths if of == victim) >= needed


def false_deaths(size: int, probes: int, loss: float) -> None:
    """Let healthy nodes probe each other."""
    seconds = probes / size * DEFAULT.probe_interval_s
    swarm = GossipSwarm(size, 2, loss=loss)
    observer = Observer(swarm)
    swarm.run(seconds)
    row(
        f"{probes:,} probes of healthy nodes, {loss:.0%} loss",
        f"{len(observer.deaths)} false deaths",
        "0",
        met=not observer.deaths,
    )
    row("  of the nodes suspected wrongly", f"{len(observer.suspected)}", "", met=None)


def slow_nodes(lag_s: float, seconds: float, seeds: int) -> None:
    """16 of 100 nodes handle what comes in up to so much later."""
    plain, ours = (
        sum(_blamed(profile, lag_s, seconds, seed) for seed in range(seeds))
        for profile in (WITHOUT_LIFEGUARD, DEFAULT)
    )
    met = plain >= 50 * max(1, ours)
    row(
        f"false deaths of healthy nodes, 16 of 100 lag {lag_s:g} s",
        f"{ours}, without Lifeguard {plain}",
        ">= 50 x fewer",
        met=met,
    )


def _blamed(profile: Profile, lag_s: float, seconds: float, seed: int) -> int:
    swarm = GossipSwarm(100, seed, profile=profile)
    slow = set(swarm.rng("slow").sample(range(100), 16))
    for index in slow:
        swarm.machines[index].lag_s = lag_s
    observer = Observer(swarm)
    swarm.run(seconds)
    return sum(1 for _, _, of in observer.deaths if of not in slow)


def paused(profile: Profile, name: str, pause_s: float, goal: str) -> None:
    """Stop one of 20 nodes for a while, as SIGSTOP does, in 20 swarms."""
    deaths = 0
    for seed in range(20):
        swarm = GossipSwarm(20, seed, profile=profile)
        observer = Observer(swarm)
        swarm.run(5.0)
        swarm.machines[0].paused_until = swarm.now + pause_s
        swarm.run(swarm.now + pause_s + 10.0)
        deaths += bool(observer.deaths)
    met = deaths == 0 if goal else None
    row(f"{name}: one of 20 stopped for {pause_s:g} s", f"{deaths} of 20 times dead", goal, met=met)


def idle(sizes: tuple[int, ...], seconds: float) -> None:
    """Nothing changes: what each node sends."""
    rates = []
    for size in sizes:
        swarm = GossipSwarm(size, 3)
        swarm.run(5.0)
        before = sent(swarm)
        swarm.run(5.0 + seconds)
        rates.append((sent(swarm) - before) / seconds / size)
    shown = " ".join(f"{rate:.0f}" for rate in rates)
    sizes_shown = ", ".join(f"{size:,}" for size in sizes)
    row(f"N = {sizes_shown}", f"{shown} B/s", "<= 450 B/s", met=max(rates) <= 450)
    ratio = max(rates) / min(rates)
    row("largest / smallest", f"{ratio:.2f}", "<= 1.2", met=ratio <= 1.2)
