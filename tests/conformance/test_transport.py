import random

import pytest

from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER, NODE_ROLE_WORKER
from swarmpy.rpc.grpc_transport import GrpcTransport
from swarmpy.rpc.peer import Peer
from swarmpy.testing.conformance.transport import PROMISES, Ends, Promise
from swarmpy.testing.memory_network import MemoryNetwork
from swarmpy.testing.memory_transport import MemoryTransport
from swarmpy.testing.virtual_loop import run
from tests.conformance.identities import SwarmIdentities

each_promise = pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)


@each_promise
def test_memory_transport(promise: Promise) -> None:
    async def main(rng: random.Random) -> None:
        network = MemoryNetwork(rng)
        network.add_host("m1")
        network.add_host("w1")
        manager = Peer("m1", NODE_ROLE_MANAGER, "swarm")
        worker = Peer("w1", NODE_ROLE_WORKER, "swarm")
        await promise(
            Ends(
                server=MemoryTransport(network, "m1", lambda: manager),
                client=MemoryTransport(network, "w1", lambda: worker),
                address="m1:4243",
                client_node_id="w1",
            )
        )

    run(main, seed=1)


@pytest.fixture(scope="module")
def identities() -> SwarmIdentities:
    return SwarmIdentities()


@each_promise
async def test_grpc_transport(promise: Promise, identities: SwarmIdentities) -> None:
    await promise(
        Ends(
            server=GrpcTransport(lambda: identities.manager),
            client=GrpcTransport(lambda: identities.worker),
            address="127.0.0.1:0",
            client_node_id="w1",
        )
    )
