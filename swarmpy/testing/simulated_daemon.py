"""The daemon of a simulated node: the real parts, composed as daemon/node.py does it, on fakes."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from swarmpy.agent.agent import Agent
from swarmpy.errors import SwarmPyError
from swarmpy.ids import IdSource
from swarmpy.manager.manager import Manager
from swarmpy.pb.dispatcher_pb2 import JoinQuorumRequest
from swarmpy.pb.dispatcher_pb2_grpc import DispatcherStub
from swarmpy.pb.types_pb2 import NodeRole
from swarmpy.raft.node import RaftNode
from swarmpy.raft.settings import RaftSettings
from swarmpy.rpc.errors_on_the_wire import errors_from_the_wire
from swarmpy.store.store import Store
from swarmpy.task_group import TaskGroup
from swarmpy.testing.builders import seal
from swarmpy.testing.fake_neighbours import FakeGossip, FakeNeighbours
from swarmpy.testing.memory_peers import MemoryPeerNetwork
from swarmpy.testing.memory_transport import MemoryTransport
from swarmpy.testing.world import World

if TYPE_CHECKING:
    from swarmpy.testing.simulated_host import SimulatedHost

CLUSTER_ID = "simulated"
STATE_DIR = Path("/var/lib/swarmpy")
RAFT_PORT = 4242
API_PORT = 4243
RAFT_SETTINGS = RaftSettings(
    tick_s=0.05,
    snapshot_entries=60,
    snapshot_keep=10,
    segment_bytes=16 << 10,
    log_ahead_bytes=200,
)
"""Few entries to a snapshot and small files, so that a minute sees many of both."""
ASK_AGAIN_S = 1.0
CALL_S = 20.0


class Daemon:
    """One life of a node's daemon: made at each boot, gone with all it held in memory."""

    def __init__(self, host: SimulatedHost, world: World, boot: int) -> None:
        self._host = host
        self._world = world
        self._boot = boot
        self._ids = IdSource(world.rng(f"{host.name}/ids/{boot}"))
        self._rng = world.rng(f"{host.name}/daemon/{boot}")
        self.store: Store | None = None
        """Set on managers, as is `raft`."""
        self.raft: RaftNode | None = None
        self._neighbours = FakeNeighbours(FakeGossip(host.clock), host.name, f"{host.name}:7947")
        """Without keys it hears nothing: gossip is simulated by itself (gossip_sim)."""
        self._known_managers = [f"{name}:{API_PORT}" for name in world.managers]

    async def run(self, *, found: bool) -> None:
        """Be the node until cancelled; with `found`, begin a swarm of one manager.

        Raises:
            SwarmPyError: what would end a real daemon.
        """
        host = self._host
        transport = MemoryTransport(self._world.network, host.name, host.identity)
        async with contextlib.AsyncExitStack() as ending, TaskGroup() as parts:
            if host.is_manager:
                await self._start_manager(parts, ending, transport, found=found)
            parts.create_task(self._agent(transport).run(), name=f"{host.name}/agent")

    def _agent(self, transport: MemoryTransport) -> Agent:
        host = self._host
        return Agent(
            node_id=host.name,
            runtime=host.runtime,
            data_plane=host.data_plane,
            neighbours=self._neighbours,
            transport=transport,
            disk=host.disk,
            directory=STATE_DIR / "agent",
            seal=seal(host.name, self._rng),
            clock=host.clock,
            rng=self._rng,
            address=host.name,
            hostname=host.name,
            managers=lambda: self._known_managers,
            manager_status=host.manager_status,
            on_managers=self._on_managers,
            on_role=self._on_role,
        )

    async def _on_managers(self, api_addresses: Sequence[str]) -> None:
        self._known_managers = list(api_addresses)

    async def _on_role(self, role: NodeRole.ValueType) -> None:
        """Say so: roles do not change here, for that takes new certificates."""
        self._world.story.blame(f"{self._host.name} shall become {NodeRole.Name(role)}")

    async def _start_manager(
        self,
        parts: TaskGroup,
        ending: contextlib.AsyncExitStack,
        transport: MemoryTransport,
        *,
        found: bool,
    ) -> None:
        host, invariants = self._host, self._world.invariants
        address = f"{host.name}:{RAFT_PORT}"
        store = Store(host.clock, self._ids, guarded=True)
        machine = invariants.watched(host.name, store)
        peers = MemoryPeerNetwork(self._world.network, host.name, address)
        raft = RaftNode(
            host.name,
            machine,
            peers,
            host.disk,
            STATE_DIR / "raft",
            host.clock,
            self._rng,
            host.sealing,
            RAFT_SETTINGS,
        )
        ending.push_async_callback(raft.close)
        await raft.start({host.name: address} if found else None)
        store.connect(machine.proposing(raft.propose))
        manager = Manager(
            store=store,
            consensus=raft,
            transport=transport,
            clock=host.clock,
            ids=self._ids,
            rng=self._rng,
            neighbours=self._neighbours,
        )
        self.store, self.raft = store, raft
        server = await transport.serve(f"{host.name}:{API_PORT}", manager.register)
        ending.push_async_callback(server.stop, 0)
        parts.create_task(raft.run(), name=f"{host.name}/raft")
        parts.create_task(manager.run(), name=f"{host.name}/manager")
        parts.create_task(self._tell_who_leads(raft), name=f"{host.name}/leadership")
        parts.create_task(self._join_quorum(raft, transport), name=f"{host.name}/join")

    async def _tell_who_leads(self, raft: RaftNode) -> None:
        async for leadership in raft.watch_leadership():
            if leadership.is_self:
                self._world.story.tell("leads", node=self._host.name, term=leadership.term)
                self._world.invariants.led(self._host.name, leadership.term)

    async def _join_quorum(self, raft: RaftNode, transport: MemoryTransport) -> None:
        """Ask one manager after the other until this one is a voter."""
        request = JoinQuorumRequest(manager=self._host.manager_status())
        asked = 0
        while self._host.name not in raft.members():
            name = self._world.managers[asked % len(self._world.managers)]
            asked += 1
            channel = transport.channel(f"{name}:{API_PORT}")
            try:
                with errors_from_the_wire():
                    await DispatcherStub(channel).JoinQuorum(request, timeout=CALL_S)
            except SwarmPyError as error:
                self._world.story.tell("join_refused", node=self._host.name, why=str(error))
            finally:
                await channel.close(None)
            await self._host.clock.sleep(ASK_AGAIN_S)
