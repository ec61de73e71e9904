"""What runs on the simulated nodes: endpoints that come, change and go, as each node decides."""

from __future__ import annotations

import random

from swarmpy.core.gossip.events import Key
from swarmpy.pb.gossip_pb2 import (
    GOSSIP_HEALTH_HEALTHY,
    GOSSIP_HEALTH_STARTING,
    GOSSIP_HEALTH_UNHEALTHY,
    GossipEndpoint,
)
from swarmpy.pb.types_pb2 import PROTOCOL_TCP, PortBinding
from swarmpy.testing.gossip_sim.machine import Machine
from swarmpy.testing.gossip_sim.swarm import GossipSwarm

NETWORKS = ("network-frontend", "network-database")
HEALTHS = (GOSSIP_HEALTH_STARTING, GOSSIP_HEALTH_HEALTHY, GOSSIP_HEALTH_UNHEALTHY)
TASKS_MOST = 12
RESTORED_S = 2.0
"""A node that restarts has found its tasks again within so long."""


def endpoint(number: int, address: str = "10.0.0.2") -> GossipEndpoint:
    """Return an endpoint as large as they usually are."""
    return GossipEndpoint(
        network_id=NETWORKS[number % len(NETWORKS)],
        task_id=f"task{number:012d}",
        service_id="service-storefront"[:16],
        address=address,
        ports=[
            PortBinding(protocol=PROTOCOL_TCP, target=port, host_port=30000 + port)
            for port in (80, 443)
        ],
        health=GOSSIP_HEALTH_HEALTHY,
        vxlan_address="192.168.100.17",
    )


class Tasks:
    """Knows the truth: which endpoints each node has put."""

    def __init__(self, swarm: GossipSwarm) -> None:
        self._swarm = swarm
        self._rng = swarm.rng("tasks")
        self._number = 0
        self.truth: dict[int, dict[Key, GossipEndpoint]] = {
            machine.index: {} for machine in swarm.machines
        }

    def change(self, machine: Machine) -> None:
        """Start, change or stop a task."""
        mine = self.truth[machine.index]
        if not mine or (len(mine) < TASKS_MOST and self._rng.random() < 0.5):
            self._number += 1
            self._put(machine, endpoint(self._number))
        elif self._rng.random() < 0.5:
            changed = GossipEndpoint()
            changed.CopyFrom(mine[self._rng.choice(sorted(mine))])
            changed.health = self._rng.choice(HEALTHS)
            self._put(machine, changed)
        else:
            key = self._rng.choice(sorted(mine))
            del mine[key]
            machine.gossip.remove(key, machine.local_s(self._swarm.now))
            self._swarm.settle(machine)

    def restore(self, machine: Machine) -> None:
        """A node has restarted: some of its tasks are gone, the others it finds one by one."""
        mine = self.truth[machine.index]
        for key in sorted(mine):
            if self._rng.random() < 0.3:
                del mine[key]
        for key in sorted(mine):
            after_s = self._rng.random() * RESTORED_S
            self._swarm.at(self._swarm.now + after_s, self._find, machine, machine.epoch, key)
        self._swarm.at(self._swarm.now + RESTORED_S, self._settle, machine, machine.epoch)

    def all_of(self, machines: list[Machine]) -> dict[Key, GossipEndpoint]:
        """Return what should be known of these."""
        return {key: put for m in machines for key, put in self.truth[m.index].items()}

    def _find(self, machine: Machine, epoch: int, key: Key) -> None:
        if machine.is_up and machine.epoch == epoch and key in self.truth[machine.index]:
            self._put(machine, self.truth[machine.index][key])

    def _settle(self, machine: Machine, epoch: int) -> None:
        if machine.is_up and machine.epoch == epoch:
            machine.gossip.settle(machine.local_s(self._swarm.now))
            self._swarm.settle(machine)

    def _put(self, machine: Machine, put: GossipEndpoint) -> None:
        self.truth[machine.index][put.network_id, put.task_id] = put
        machine.gossip.put(put, machine.local_s(self._swarm.now))
        self._swarm.settle(machine)


def pick(rng: random.Random, machines: list[Machine]) -> Machine | None:
    """Return one by chance; None when there is none."""
    return rng.choice(machines) if machines else None
