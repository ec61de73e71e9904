"""What is counted while a simulated swarm runs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from swarmpy.core.gossip.events import EndpointChanged, Event, MemberDead, MemberSuspected
from swarmpy.testing.gossip_sim.machine import Machine
from swarmpy.testing.gossip_sim.swarm import GossipSwarm


class Observer:
    """Counts deaths and suspicions by node, and when endpoints were seen."""

    def __init__(self, swarm: GossipSwarm) -> None:
        self.deaths: list[tuple[float, int, int]] = []
        """(when, who said so, of whom)."""
        self.suspected: dict[int, float] = {}
        """Whom, and when first."""
        self.shown: list[float] = []
        """When an endpoint was shown somewhere for the first time."""
        self._seen: set[tuple[int, str]] = set()
        swarm.watchers.append(self._watch)

    def _watch(self, now: float, machine: Machine, event: Event) -> None:
        match event:
            case EndpointChanged(endpoint):
                seen = (machine.index, endpoint.task_id)
                if seen not in self._seen:
                    self._seen.add(seen)
                    self.shown.append(now)
            case MemberDead(node_id):
                self.deaths.append((now, machine.index, int(node_id[4:])))
            case MemberSuspected(node_id):
                self.suspected.setdefault(int(node_id[4:]), now)
            case _:
                pass


def part(times: Sequence[float], fraction: float) -> float:
    """Return when so much of them had happened."""
    ordered = sorted(times)
    return ordered[max(0, math.ceil(len(ordered) * fraction) - 1)]


def sent(swarm: GossipSwarm) -> int:
    """Return the bytes all have sent so far, headers of IP and UDP or TCP included."""
    return sum(machine.bytes_sent for machine in swarm.machines)
