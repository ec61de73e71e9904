"""Writes what a simulated swarm begins with: the cluster and a row for each of its nodes.

Joining by token needs TLS and certificates, which virtual time cannot carry; tests/e2e has it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from swarmpy.core.gossip_keys import KEY_BYTES, first_ring
from swarmpy.manager.bootstrap import DEFAULT_SPEC
from swarmpy.pb.objects_pb2 import Cluster, ManagerStatus, Node, NodeStatus
from swarmpy.pb.specs_pb2 import NodeSpec
from swarmpy.pb.types_pb2 import AVAILABILITY_ACTIVE, NODE_STATE_UNKNOWN
from swarmpy.store.store import Store
from swarmpy.testing.simulated_daemon import CLUSTER_ID

if TYPE_CHECKING:
    from swarmpy.testing.simulated_host import SimulatedHost


async def write_first_rows(store: Store, hosts: Iterable[SimulatedHost]) -> None:
    """Commit them in one transaction; the first host is the founder."""
    founder, *others = hosts
    keys = first_ring(bytes(KEY_BYTES), int(founder.clock.now() * 1000))
    async with store.update() as tx:
        tx.clusters.create(Cluster(id=CLUSTER_ID, spec=DEFAULT_SPEC, gossip_keys=keys))
        tx.nodes.create(_row(founder, founder.manager_status()))
        for host in others:
            tx.nodes.create(_row(host, None))


def _row(host: SimulatedHost, manager: ManagerStatus | None) -> Node:
    role = host.identity().role
    return Node(
        id=host.name,
        spec=NodeSpec(role=role, availability=AVAILABILITY_ACTIVE),
        status=NodeStatus(state=NODE_STATE_UNKNOWN, address=host.name),
        role=role,
        manager=manager,
    )
