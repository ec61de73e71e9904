"""Managers behind real gRPC servers on loopback, agreeing through a fake quorum."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc

from swarmpy.daemon.clock import SystemClock
from swarmpy.ids import IdSource
from swarmpy.manager.bootstrap import bootstrap_cluster
from swarmpy.manager.manager import Manager
from swarmpy.manager.serving import Context
from swarmpy.manager.settings import ManagerSettings
from swarmpy.pb.control_pb2_grpc import ControlStub
from swarmpy.pb.dispatcher_pb2 import Hello
from swarmpy.pb.dispatcher_pb2_grpc import DispatcherStub
from swarmpy.pb.objects_pb2 import ManagerStatus, Node
from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER, NODE_ROLE_WORKER
from swarmpy.rpc.errors_on_the_wire import ErrorsOnTheWire
from swarmpy.rpc.peer import LOCAL, Peer
from swarmpy.seams import RpcServer
from swarmpy.store.store import Store
from swarmpy.testing import builders
from swarmpy.testing.fake_neighbours import FakeGossip, FakeNeighbours
from tests.manager.fake_quorum import FakeConsensus, FakeQuorum
from tests.manager.one_manager import AUTHORITY, GOSSIP_KEY, put

SETTINGS = ManagerSettings(leader_wait_s=1.0, diff_delay_s=0.001, quorum_check_s=60.0)


class Loopback:
    """Implements `seams.Transport` without certificates: callers say who they are."""

    def __init__(self, node_id: str) -> None:
        self._node_id = node_id

    def channel(self, address: str) -> grpc.aio.Channel:
        return grpc.aio.insecure_channel(address, interceptors=_says(f"manager:{self._node_id}"))

    async def serve(self, address: str, register: Callable[[Any], None]) -> RpcServer:
        raise AssertionError("the tests serve by themselves")


class _Says(grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[type-arg]
    def __init__(self, who: str) -> None:
        self._who = who

    async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        return await continuation(_marked(details, self._who), request)


class _SaysStreaming(grpc.aio.UnaryStreamClientInterceptor):  # type: ignore[type-arg]
    def __init__(self, who: str) -> None:
        self._who = who

    async def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        return await continuation(_marked(details, self._who), request)


def _says(who: str) -> list[Any]:
    return [_Says(who), _SaysStreaming(who)]


def _marked(details: Any, who: str) -> Any:
    metadata = grpc.aio.Metadata(*(details.metadata or ()), ("who", who))
    return details._replace(metadata=metadata)


def control(channel: grpc.aio.Channel) -> Any:
    """Return the client's stub; its calls are what grpc.aio makes of it at run time."""
    return ControlStub(channel)


def dispatcher(channel: grpc.aio.Channel) -> Any:
    return DispatcherStub(channel)


def _who_calls(context: Context) -> Peer:
    """Believe metadata: "manager:m2", "worker:w1"; without any the caller is local."""
    metadata: Any = context.invocation_metadata() or ()
    said = dict(metadata).get("who", "")
    if not said:
        return LOCAL
    kind, _, node_id = str(said).partition(":")
    return Peer(node_id, NODE_ROLE_MANAGER if kind == "manager" else NODE_ROLE_WORKER, "c1")


class Managers:
    """m1 and m2; m1 leads."""

    def __init__(self) -> None:
        self.quorum = FakeQuorum()
        self.stores: dict[str, Store] = {}
        self.addresses: dict[str, str] = {}
        self.managers: dict[str, Manager] = {}
        self.servers: dict[str, Any] = {}

    async def start(self, node_id: str, settings: ManagerSettings) -> None:
        rng = random.Random(node_id)
        store = Store(SystemClock(), IdSource(rng), guarded=True)
        consensus: FakeConsensus = self.quorum.member(node_id, store)
        store.connect(consensus.propose)
        manager = Manager(
            store=store,
            consensus=consensus,
            transport=Loopback(node_id),
            clock=SystemClock(),
            ids=IdSource(rng),
            rng=rng,
            neighbours=FakeNeighbours(FakeGossip(SystemClock()), node_id, f"{node_id}:7947"),
            settings=settings,
            loops=(),
            who_calls=_who_calls,
        )
        server = grpc.aio.server(interceptors=[ErrorsOnTheWire()])
        manager.register(server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        self.stores[node_id], self.managers[node_id] = store, manager
        self.servers[node_id], self.addresses[node_id] = server, f"127.0.0.1:{port}"

    def status(self, node_id: str) -> ManagerStatus:
        return ManagerStatus(raft_address=f"{node_id}:2377", api_address=self.addresses[node_id])

    def row(self, node_id: str) -> Node:
        node = builders.node(node_id, role=NODE_ROLE_MANAGER)
        node.manager.CopyFrom(self.status(node_id))
        return node

    @asynccontextmanager
    async def channel(self, node_id: str, who: str = "") -> AsyncIterator[grpc.aio.Channel]:
        said = _says(who) if who else []
        async with grpc.aio.insecure_channel(self.addresses[node_id], interceptors=said) as one:
            yield one


@asynccontextmanager
async def two_managers(settings: ManagerSettings = SETTINGS) -> AsyncIterator[Managers]:
    managers = Managers()
    async with AsyncExitStack() as stack:
        for node_id in ("m1", "m2"):
            await managers.start(node_id, settings)
            stack.push_async_callback(managers.servers[node_id].stop, None)
        managers.quorum.lead("m1")
        first = Hello(address="m1", manager=managers.status("m1"))
        await bootstrap_cluster(
            managers.stores["m1"],
            AUTHORITY,
            cluster_id="c1",
            node_id="m1",
            hello=first,
            gossip_key=GOSSIP_KEY,
            now_ms=time.time_ns() // 1_000_000,
        )
        await put(managers.stores["m1"], nodes=[managers.row("m2"), builders.node("w1")])
        running = [asyncio.create_task(manager.run()) for manager in managers.managers.values()]
        try:
            yield managers
        finally:
            for task in running:
                task.cancel()
            await asyncio.wait(running)
