import asyncio
import random

import pytest

from swarmpy.daemon.clock import SystemClock
from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER
from swarmpy.raft.tls_network import TlsPeerNetwork
from swarmpy.rpc.cluster_port import ClusterPort
from swarmpy.testing.conformance.network import PROMISES, Ear, Promise
from swarmpy.testing.memory_network import MemoryNetwork
from swarmpy.testing.memory_peers import MemoryPeerNetwork
from swarmpy.testing.virtual_loop import run
from tests.conformance.identities import SwarmIdentities

each_promise = pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)


@each_promise
def test_memory_peer_network(promise: Promise) -> None:
    async def main(rng: random.Random) -> None:
        network = MemoryNetwork(rng)

        def ear(node_id: str) -> Ear:
            network.add_host(node_id)
            address = f"{node_id}:4242"
            return Ear(node_id, address, MemoryPeerNetwork(network, node_id, address))

        await promise(ear("m1"), ear("m2"))

    run(main, seed=1)


@each_promise
async def test_tls_peer_network(promise: Promise) -> None:
    identities = SwarmIdentities()
    async with asyncio.TaskGroup() as parts:
        tasks: list[asyncio.Task[None]] = []
        ports: list[ClusterPort] = []

        def ear(node_id: str) -> Ear:
            identity = identities.of(node_id, NODE_ROLE_MANAGER)
            port = ClusterPort(lambda: identity)
            address = port.bind("127.0.0.1:0")
            network = TlsPeerNetwork(node_id, port, SystemClock())
            tasks.extend(parts.create_task(part.run()) for part in (port, network))
            ports.append(port)
            return Ear(node_id, address, network)

        await promise(ear("m1"), ear("m2"))
        for task in tasks:
            task.cancel()
    for port in ports:
        port.close()
