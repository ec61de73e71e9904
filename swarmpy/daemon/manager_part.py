"""Puts a manager together: cluster port, Raft, store, API. Runs while its node is a manager."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import grpc
import structlog

from swarmpy.core.gossip_keys import KEY_BYTES
from swarmpy.daemon.consensus_thread import ConsensusThread, StoreAtHome
from swarmpy.daemon.data_key_file import RaftKeys
from swarmpy.daemon.first import Founding
from swarmpy.daemon.gossip_part import tell_of_managers
from swarmpy.daemon.key_duty import KeyDuty
from swarmpy.daemon.known_managers import KnownManagers
from swarmpy.daemon.local_service import NotLocked, serve_lock
from swarmpy.daemon.settings import Settings
from swarmpy.daemon.side_loop import SideLoop
from swarmpy.errors import SwarmPyError
from swarmpy.ids import IdSource
from swarmpy.manager.bootstrap import bootstrap_cluster
from swarmpy.manager.manager import Manager
from swarmpy.pb.dispatcher_pb2 import Hello, JoinQuorumRequest
from swarmpy.pb.dispatcher_pb2_grpc import DispatcherStub
from swarmpy.pb.objects_pb2 import ManagerStatus
from swarmpy.raft.node import RaftNode
from swarmpy.raft.sealing import Sealing
from swarmpy.raft.tls_network import TlsPeerNetwork
from swarmpy.rpc.address import join_address
from swarmpy.rpc.cluster_port import JOIN_PROTOCOL, ClusterPort
from swarmpy.rpc.errors_on_the_wire import errors_from_the_wire
from swarmpy.rpc.grpc_transport import GrpcTransport, serve_local
from swarmpy.rpc.streams import on_streams
from swarmpy.seams import Clock, Disk, Neighbours
from swarmpy.security.certificates import NodeIdentity
from swarmpy.security.sealed import Seal
from swarmpy.store.store import Store
from swarmpy.task_group import TaskGroup

log = structlog.get_logger()

STOP_GRACE_S = 1.0
HAND_OVER_S = 2.0
RETRY_S = 0.5
CALL_TIMEOUT_S = 10.0


def raft_directory(settings: Settings) -> Path:
    return settings.state_dir / "raft"


class ManagerPart:
    """One manager, from its first bind to its last close."""

    def __init__(  # noqa: PLR0913, PLR0917  it takes what it needs
        self,
        settings: Settings,
        identity: Callable[[], NodeIdentity],
        transport: GrpcTransport,
        disk: Disk,
        clock: Clock,
        known: KnownManagers,
        keys: RaftKeys,
        seal: Seal,
        neighbours: Neighbours,
    ) -> None:
        self._settings = settings
        self._disk = disk
        self._transport = transport
        self._clock = clock
        self._known = known
        self._keys = keys
        self._seal = seal
        self._neighbours = neighbours
        self._node_id = identity().node_id
        rng = random.SystemRandom()
        ids = IdSource(rng)
        self._port = ClusterPort(identity)
        self._store = Store(clock, ids)
        self._side = SideLoop("raft")
        self._sealing = Sealing(identity().cluster_id, keys.keys, rng)
        self._network = TlsPeerNetwork(self._node_id, self._port, clock)
        self._node = RaftNode(
            self._node_id,
            StoreAtHome(self._store, self._side),
            self._network,
            disk,
            raft_directory(settings),
            clock,
            rng,
            self._sealing,
        )
        self._raft = ConsensusThread(self._node, self._side)
        self._store.connect(self._raft.propose)
        self._manager = Manager(
            store=self._store,
            consensus=self._raft,
            transport=transport,
            clock=clock,
            ids=ids,
            rng=rng,
            neighbours=neighbours,
            at_home=self._side.run_at_home,
        )
        self._port.register(
            JOIN_PROTOCOL, on_streams(self._manager.join_server.handle), needs_certificate=False
        )

    async def run(self) -> None:
        """Be a manager until cancelled; the lead is handed over first, when there is one."""
        settings = self._settings
        founding = Founding.load(self._disk, settings.state_dir, self._seal)
        self._port.bind(join_address(settings.listen_address, settings.cluster_port))
        try:
            async with self._side.running():
                await self._take_part(founding)
        finally:
            self._port.close()

    async def _take_part(self, founding: Founding | None) -> None:
        settings = self._settings
        first = {self._node_id: settings.raft_address} if founding is not None else None
        try:
            await self._side.run(self._node.start(first))
            api = join_address(settings.listen_address, settings.api_port)
            server = await self._transport.serve(api, self._manager.register)
            local = await serve_local(settings.socket_path, self._register_local)
            try:
                await self._run_parts(founding)
            finally:
                await local.stop(STOP_GRACE_S)
                await server.stop(STOP_GRACE_S)
        finally:
            await self._side.run(self._node.close())

    def _register_local(self, server: grpc.aio.Server) -> None:
        self._manager.register(server)
        serve_lock(server, NotLocked())

    async def _run_parts(self, founding: Founding | None) -> None:
        async with TaskGroup() as group:
            group.create_task(self._side.run(self._port.run()), name="cluster port")
            group.create_task(self._side.run(self._network.run()), name="raft network")
            raft = group.create_task(self._raft.run(), name="raft")
            manager = group.create_task(self._manager.run(), name="manager")
            duty = KeyDuty(self._store, self._keys, self._sealing, self._clock)
            group.create_task(duty.run(), name="keys")
            group.create_task(self._enter(founding), name="enter")
            telling = tell_of_managers(self._neighbours, self._raft, self._settings.api_address)
            group.create_task(telling, name="gossip")
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                await self._hand_over()
                manager.cancel()
                await asyncio.wait([manager])
                raft.cancel()
                raise

    async def _hand_over(self) -> None:
        """Let another manager lead before this one goes, so that nobody waits for an election."""
        if not self._raft.leadership.is_self or len(self._raft.members()) == 1:
            return
        try:
            async with asyncio.timeout(HAND_OVER_S):
                await self._raft.transfer_leadership()
        except (SwarmPyError, TimeoutError) as error:
            log.warning("leadership_not_handed_over", error=str(error))

    # Entering the swarm

    async def _enter(self, founding: Founding | None) -> None:
        """Found the swarm, or ask to become a member; nothing is left to do after a restart."""
        if founding is not None:
            await self._found(founding)
        while self._node_id not in self._raft.members():
            await self._ask_to_join()
            await self._clock.sleep(RETRY_S)

    async def _found(self, founding: Founding) -> None:
        async for leadership in self._raft.watch_leadership():
            if leadership.is_self:
                break
        if not len(self._store.view.clusters):
            await bootstrap_cluster(
                self._store,
                founding.authority,
                cluster_id=founding.cluster_id,
                node_id=self._node_id,
                hello=Hello(address=self._settings.advertise_address, manager=self._status()),
                gossip_key=random.SystemRandom().randbytes(KEY_BYTES),
                now_ms=int(self._clock.now() * 1000),
                unlock_key=founding.unlock_key,
                gossip_profile=founding.gossip_profile,
            )
        Founding.forget(self._disk, self._settings.state_dir)

    async def _ask_to_join(self) -> None:
        """Ask every known manager once; only the leader says yes."""
        for address in self._known.api_addresses():
            if address == self._settings.api_address:
                continue
            channel: grpc.aio.Channel = self._transport.channel(address)
            try:
                with errors_from_the_wire():
                    stub = DispatcherStub(channel)
                    request = JoinQuorumRequest(manager=self._status())
                    await stub.JoinQuorum(request, timeout=CALL_TIMEOUT_S)
                    return
            except SwarmPyError as error:
                log.info("quorum_not_joined_yet", manager=address, error=str(error))
            finally:
                await channel.close(None)

    def _status(self) -> ManagerStatus:
        return ManagerStatus(
            raft_address=self._settings.raft_address, api_address=self._settings.api_address
        )
