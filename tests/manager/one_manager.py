"""A manager without Raft, network or time: what the tests here stand on."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

from swarmpy.ids import IdSource
from swarmpy.manager.api.nodes import Nodes
from swarmpy.manager.bootstrap import bootstrap_cluster
from swarmpy.manager.lead import Lead
from swarmpy.manager.seat import Seat
from swarmpy.manager.settings import ManagerSettings
from swarmpy.pb.dispatcher_pb2 import Hello
from swarmpy.pb.objects_pb2 import ManagerStatus, NodeDescription
from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER, NODE_ROLE_WORKER
from swarmpy.rpc.peer import Peer
from swarmpy.seams import Clock
from swarmpy.security.certificates import Authority
from swarmpy.store.store import Store
from swarmpy.testing.fake_neighbours import FakeGossip, FakeNeighbours
from tests.manager.fake_quorum import FakeQuorum
from tests.manager.stopped_clock import EPOCH_S, StoppedClock

AUTHORITY = Authority.create("c1", EPOCH_S)
"""Made once: it is the slowest thing here."""
LEADER = "m1"
GOSSIP_KEY = bytes(range(32))


def hello(hostname: str, *, manager: bool = False) -> Hello:
    greeting = Hello(
        description=NodeDescription(hostname=hostname),
        address=hostname,
        gossip_address=f"{hostname}:7947",
    )
    if manager:
        greeting.manager.CopyFrom(
            ManagerStatus(raft_address=f"{hostname}:2377", api_address=f"{hostname}:2378")
        )
    return greeting


def worker(node_id: str) -> Peer:
    return Peer(node_id, NODE_ROLE_WORKER, "c1")


def manager_peer(node_id: str) -> Peer:
    return Peer(node_id, NODE_ROLE_MANAGER, "c1")


def new_store(clock: Clock, seed: int = 1) -> Store:
    return Store(clock, IdSource(random.Random(seed)), guarded=True)


async def leading_seat(
    clock: StoppedClock | None = None,
    quorum: FakeQuorum | None = None,
    settings: ManagerSettings | None = None,
) -> Seat:
    """Return the seat of m1, which leads a swarm of itself."""
    clock = clock or StoppedClock()
    quorum = quorum or FakeQuorum()
    store = new_store(clock)
    consensus = quorum.member(LEADER, store)
    store.connect(consensus.propose)
    quorum.lead(LEADER)
    rng = random.Random(2)
    await bootstrap_cluster(
        store,
        AUTHORITY,
        cluster_id="c1",
        node_id=LEADER,
        hello=hello(LEADER, manager=True),
        gossip_key=GOSSIP_KEY,
        now_ms=int(clock.now() * 1000),
    )
    neighbours = FakeNeighbours(FakeGossip(clock), LEADER, f"{LEADER}:7947")
    settings = settings or ManagerSettings()
    return Seat(store, consensus, clock, IdSource(rng), rng, neighbours, settings)


async def put(store: Store, **rows: Iterable[Any]) -> None:
    """Store rows as they are: `put(store, nodes=[...], tasks=[...])`."""
    async with store.update() as tx:
        for table, some in rows.items():
            for row in some:
                getattr(tx, table).create(row)


class Sent:
    """What a handler sent, in place of a stream."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    async def __call__(self, message: Any) -> None:
        copy = type(message)()
        copy.CopyFrom(message)
        self.messages.append(copy)


def nodes_of(seat: Seat) -> Nodes:
    """Return the nodes' part of the API, of a manager that leads."""
    lead = Lead(seat, loops=())
    return Nodes(seat, lambda: lead)
