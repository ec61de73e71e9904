"""How fast endpoints are known everywhere, and with how many bytes."""

from __future__ import annotations

import math

from bench.gossip.observe import Observer, part, sent
from bench.gossip.report import row
from swarmpy.testing.gossip_sim.swarm import GossipSwarm
from swarmpy.testing.gossip_sim.tasks import endpoint

WAIT_S = 2.0
"""Between two single updates."""
QUIET_S = 5.0
"""Bytes are counted until so long after all know: what comes later counts too."""


def one_update(size: int, loss: float, goal_s: float, rounds: int) -> None:
    """One endpoint at a time, put by one node after the other."""
    swarm = GossipSwarm(size, 4)
    observer = Observer(swarm)
    swarm.run(3.0)
    swarm.weather.loss = loss
    worst = 0.0
    for number in range(rounds):
        began_s = swarm.now
        observer.shown.clear()
        _put(swarm, number, swarm.machines[number * 7 % size].index)
        swarm.run(began_s + WAIT_S)
        is_known = len(observer.shown) >= size * 0.999
        worst = max(worst, part(observer.shown, 0.999) - began_s if is_known else math.inf)
    row(
        f"1 update to 99.9 % of {size:,}, {loss:.0%} loss, worst of {rounds}",
        f"{worst:.2f} s",
        f"<= {goal_s:g} s",
        met=worst <= goal_s,
    )


def burst(size: int, updates: int, owners: int, goal_bytes: float | None = None) -> None:
    """Many endpoints at once, put by so many nodes."""
    swarm = GossipSwarm(size, 5)
    observer = Observer(swarm)
    swarm.run(3.0)
    began_s, before = swarm.now, sent(swarm)
    observer.shown.clear()
    for number in range(updates):
        _put(swarm, number, number % owners)
    payload = sum(e.ByteSize() for m in swarm.machines[:owners] for e in m.gossip.endpoints())
    done_s = swarm.run_until(lambda: len(observer.shown) >= size * updates, 60) - began_s
    swarm.run(swarm.now + QUIET_S)
    ratio = (sent(swarm) - before) / size / payload
    what = f"{updates:,} updates by {owners:,} of {size:,} nodes"
    row(f"{what}: known to all", f"{done_s:.2f} s", "<= 3 s", met=done_s <= 3)
    row(
        f"{what}: bytes a node",
        f"{ratio:.2f} x the payload",
        f"<= {goal_bytes:g} x" if goal_bytes else "",
        met=ratio <= goal_bytes if goal_bytes else None,
    )


def _put(swarm: GossipSwarm, number: int, owner: int) -> None:
    machine = swarm.machines[owner]
    machine.gossip.put(endpoint(number), machine.local_s(swarm.now))
    swarm.settle(machine)
