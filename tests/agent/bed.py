"""One agent on one simulated machine, with a fake manager beside it, in virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import grpc

from swarmpy.agent.agent import Agent
from swarmpy.pb.dispatcher_pb2_grpc import add_DispatcherServicer_to_server
from swarmpy.pb.objects_pb2 import Task, TaskStatus
from swarmpy.pb.specs_pb2 import ContainerSpec, TaskSpec
from swarmpy.pb.types_pb2 import (
    NODE_ROLE_MANAGER,
    NODE_ROLE_WORKER,
    TASK_STATE_ASSIGNED,
    TASK_STATE_RUNNING,
    HealthCheck,
    NodeRole,
    PortConfig,
    TaskState,
)
from swarmpy.rpc.peer import Peer
from swarmpy.seams import RpcServer
from swarmpy.testing.builders import seal
from swarmpy.testing.clock import VirtualClock
from swarmpy.testing.fake_data_plane import FakeDataPlane
from swarmpy.testing.fake_neighbours import FakeGossip, FakeNeighbours
from swarmpy.testing.fake_runtime import FakeRuntime
from swarmpy.testing.faulty_disk import FaultyDisk
from swarmpy.testing.memory_network import MemoryNetwork
from swarmpy.testing.memory_transport import MemoryTransport
from swarmpy.testing.virtual_loop import run
from tests.agent.fake_manager import FakeManager

STATE = Path("/var/lib/swarmpy/agent")
PATIENCE_S = 60.0


class Bed:
    """The machine n1 and its agent; managers m1 and m2 answer once they are started."""

    def __init__(self, rng: random.Random) -> None:
        self.clock = VirtualClock(asyncio.get_running_loop())
        self.network = MemoryNetwork(rng)
        self.disk = FaultyDisk(rng, self.clock)
        self.runtime = FakeRuntime("n1", self.clock)
        self.data_plane = FakeDataPlane()
        self.manager = FakeManager(self.clock)
        self.gossip = FakeGossip(self.clock)
        self.neighbours = FakeNeighbours(self.gossip, "n1", "10.0.0.1:7947")
        self.known_managers = ["m1:4243"]
        self.told_managers: list[list[str]] = []
        self.told_roles: list[NodeRole.ValueType] = []
        self._rng = rng
        self._servers: dict[str, RpcServer] = {}
        self._agent: asyncio.Task[None] | None = None
        for name in ("n1", "m1", "m2"):
            self.network.add_host(name)

    async def start_manager(self, name: str = "m1", manager: FakeManager | None = None) -> None:
        served = manager or self.manager

        def register(server: grpc.aio.Server) -> None:
            add_DispatcherServicer_to_server(served, server)

        transport = MemoryTransport(
            self.network, name, lambda: Peer(name, NODE_ROLE_MANAGER, "swarm")
        )
        self._servers[name] = await transport.serve(f"{name}:4243", register)

    async def stop_manager(self, name: str = "m1") -> None:
        await self._servers.pop(name).stop(0)

    def start_agent(self) -> None:
        agent = Agent(
            node_id="n1",
            runtime=self.runtime,
            data_plane=self.data_plane,
            neighbours=self.neighbours,
            transport=MemoryTransport(
                self.network, "n1", lambda: Peer("n1", NODE_ROLE_WORKER, "swarm")
            ),
            disk=self.disk,
            directory=STATE,
            seal=seal(),
            clock=self.clock,
            rng=self._rng,
            address="10.0.0.1",
            hostname="one",
            generic_resources={"gpu": 2},
            managers=lambda: self.known_managers,
            manager_status=lambda: None,
            on_managers=self._on_managers,
            on_role=self._on_role,
        )
        self._agent = asyncio.get_running_loop().create_task(agent.run())

    async def stop_agent(self) -> None:
        """End it where it stands, as kill -9 would as far as others can tell."""
        assert self._agent is not None, "the agent does not run"
        self._agent.cancel()
        await asyncio.wait([self._agent])
        if not self._agent.cancelled():
            await self._agent
        self._agent = None

    async def close(self) -> None:
        if self._agent is not None:
            await self.stop_agent()
        for name in list(self._servers):
            await self.stop_manager(name)

    async def until(self, condition: Callable[[], object]) -> None:
        """Return once it holds. Raises TimeoutError after a minute."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                assert self._agent is None or not self._agent.done(), "the agent ended"
                await self.clock.sleep(0.01)

    async def until_state(self, task_id: str, state: TaskState.ValueType) -> None:
        await self.until(lambda: self.manager.state(task_id) == state)

    async def _on_managers(self, addresses: Sequence[str]) -> None:
        self.told_managers.append(list(addresses))

    async def _on_role(self, role: NodeRole.ValueType) -> None:
        self.told_roles.append(role)


def on_one_machine(body: Callable[[Bed], Awaitable[None]]) -> Callable[[], None]:
    """Make a test of a coroutine that wants a bed."""

    async def main(rng: random.Random) -> None:
        bed = Bed(rng)
        try:
            await body(bed)
        finally:
            await bed.close()

    def test() -> None:
        run(main, seed=1)

    test.__name__, test.__doc__ = body.__name__, body.__doc__
    return test


def task(
    task_id: str = "t1",
    desired: TaskState.ValueType = TASK_STATE_RUNNING,
    *,
    port: int = 0,
    health: bool = False,
    start_after_ms: int = 0,
    **labels: str,
) -> Task:
    """Return an assigned task; `exit_after_s="3"` becomes the label fake.exit_after_s."""
    container = ContainerSpec(
        name="main", image="demo:1", labels={f"fake.{name}": said for name, said in labels.items()}
    )
    if health:
        container.health_check.CopyFrom(HealthCheck(test=["CMD", "true"]))
    return Task(
        id=task_id,
        spec=TaskSpec(containers=[container]),
        service_name="web",
        slot=1,
        node_id="n1",
        desired_state=desired,
        status=TaskStatus(state=TASK_STATE_ASSIGNED),
        ports=[PortConfig(target=port, published=8080)] if port else [],
        drain_s=1.0 if port else 0.0,
        start_after_ms=start_after_ms,
    )
