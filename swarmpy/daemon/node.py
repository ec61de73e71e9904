"""One running node: its agent for as long as it lives, and the part that its role asks for."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import Sequence

import grpc
import structlog

from swarmpy.agent.agent import Agent
from swarmpy.daemon.clock import SystemClock
from swarmpy.daemon.data_key_file import KeyFiles, RaftKeys, opener
from swarmpy.daemon.engine import make_runtime
from swarmpy.daemon.gossip_part import GossipPart
from swarmpy.daemon.known_managers import KnownManagers
from swarmpy.daemon.locked_part import LockedPart
from swarmpy.daemon.manager_part import ManagerPart, raft_directory
from swarmpy.daemon.settings import Settings
from swarmpy.daemon.worker_part import WorkerPart
from swarmpy.dataplane.mesh.router import MeshRouter
from swarmpy.errors import PermissionDenied, StorageCorrupt, SwarmPyError, WrongState
from swarmpy.pb.dispatcher_pb2 import RenewCertificateRequest, RenewCertificateResponse
from swarmpy.pb.dispatcher_pb2_grpc import DispatcherStub
from swarmpy.pb.local_pb2 import LOCK_KIND_UNLOCK_KEY
from swarmpy.pb.objects_pb2 import ManagerStatus
from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER, NodeRole
from swarmpy.raft.disk import LocalDisk
from swarmpy.rpc.errors_on_the_wire import errors_from_the_wire
from swarmpy.rpc.grpc_transport import GrpcTransport
from swarmpy.security.certificates import NodeIdentity, new_key_and_csr
from swarmpy.security.sealed import Seal
from swarmpy.task_group import TaskGroup

log = structlog.get_logger()

RENEW_LEFT_S = 30 * 86400.0
"""A certificate with less time than this is renewed."""
RENEW_CHECK_S = 3600.0
CALL_TIMEOUT_S = 10.0
DRAIN_S = 5.0
"""How long a daemon that stops lets open connections of published ports go on."""


class Node:
    """Built from a state directory that `bootstrap` prepared; `run` lasts until cancelled."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._disk = LocalDisk()
        self._clock = SystemClock()
        identity = NodeIdentity.load(self._disk, settings.state_dir)
        if identity is None:
            raise WrongState(
                f"{settings.state_dir} holds no certificate", remedy="swarmpy init or swarmpy join"
            )
        self._identity = identity
        self._transport = GrpcTransport(lambda: self._identity)
        self._known = KnownManagers(self._disk, settings.state_dir)
        self._role_changed = asyncio.Event()
        self._gossip: GossipPart | None = None
        """Since the node's keys are open."""
        self._key_files = KeyFiles(
            self._disk,
            settings.state_dir,
            identity.node_id,
            identity.cluster_id,
            random.SystemRandom(),
        )

    async def run(self) -> None:
        settings, rng = self._settings, random.SystemRandom()
        self._settings.socket_path.parent.mkdir(parents=True, exist_ok=True)
        node_key, seal = await self._open_node()
        runtime = make_runtime(settings, self._identity.node_id, self._clock)
        everywhere = "0.0.0.0"  # noqa: S104  published ports are for everybody
        mesh = MeshRouter(
            settings.published_address or everywhere, self._clock, rng, drain_s=DRAIN_S
        )
        gossip = GossipPart(
            settings, lambda: self._identity, self._disk, self._clock, self._known, seal
        )
        self._gossip = gossip
        agent = Agent(
            node_id=self._identity.node_id,
            runtime=runtime,
            data_plane=mesh,
            neighbours=gossip.neighbours,
            transport=self._transport,
            disk=self._disk,
            directory=settings.state_dir / "agent",
            seal=seal,
            clock=self._clock,
            rng=rng,
            address=settings.advertise_address,
            hostname=settings.hostname,
            generic_resources=settings.generic_resources,
            managers=self._manager_addresses,
            manager_status=self._manager_status,
            on_managers=self._on_managers,
            on_role=self._on_role,
            gossip_address=settings.gossip_address,
            on_gossip=gossip.heard,
        )
        log.info("node_started", node=self._identity.node_id, role=self._role_name())
        try:
            async with TaskGroup() as parts:
                parts.create_task(agent.run(), name="agent")
                parts.create_task(gossip.run(), name="gossip")
                parts.create_task(self._renew(), name="renewal")
                parts.create_task(self._play_roles(node_key, seal, gossip), name="role")
        finally:
            await runtime.close()

    # What the agent asks and tells

    def _manager_addresses(self) -> list[str]:
        own = [self._settings.api_address] if self._is_manager() else []
        return list(dict.fromkeys([*self._known.api_addresses(), *own]))

    def _manager_status(self) -> ManagerStatus | None:
        if not self._is_manager():
            return None
        return ManagerStatus(
            raft_address=self._settings.raft_address, api_address=self._settings.api_address
        )

    async def _on_managers(self, api_addresses: Sequence[str]) -> None:
        self._known.heard(api_addresses)

    async def _on_role(self, role: NodeRole.ValueType) -> None:
        """Get the certificate of another role, and play it."""
        if role == self._identity.role:
            return
        await self._get_certificate()
        if role == self._identity.role:
            log.info("role_changed", role=self._role_name())
            self._role_changed.set()

    # Keys

    async def _open_node(self) -> tuple[bytes, Seal]:
        """Return the node's key and what its files are sealed with; wait where it is missing.

        Raises:
            SwarmPyError: the key that should be there cannot be used.
        """
        files = self._key_files
        ring, source = files.node_ring(), files.source()

        def open_with(key: bytes) -> tuple[bytes, Seal]:
            try:
                return key, Seal(ring.open(key), ring.label.node_id, files.rng)
            except PermissionDenied as error:
                raise PermissionDenied(
                    f"this key is not the one of this node ({source.name})",
                    remedy="give the key or passphrase that the node was made with",
                ) from error

        def open_typed(text: str) -> tuple[bytes, Seal]:
            opened = open_with(source.typed(text))
            source.keep(opened[0])
            return opened

        key = await asyncio.to_thread(source.find)
        if key is not None:
            return open_with(key)
        return await LockedPart(self._settings.socket_path, source.lock_kind, open_typed).run()

    async def _open_raft(self, node_key: bytes) -> RaftKeys:
        """Return the keys of the log; while autolock is on, wait for who knows the unlock key.

        Raises:
            StorageCorrupt: there is a log, and no keys for it.
        """
        files = self._key_files
        ring = files.raft_ring()
        if ring is None:
            if self._disk.list_dir(raft_directory(self._settings) / "log"):
                raise StorageCorrupt(
                    "raft-keys.pb is missing: without it this manager's log cannot be read",
                    remedy="restore it, or take this node out of the swarm and join it anew",
                )
            return files.create_raft(node_key)
        if not ring.label.is_autolocked:
            return files.open_raft(node_key, ring, node_key)
        return await LockedPart(
            self._settings.socket_path, LOCK_KIND_UNLOCK_KEY, opener(files, node_key, ring)
        ).run()

    # Roles

    async def _play_roles(self, node_key: bytes, seal: Seal, gossip: GossipPart) -> None:
        """Run the part of the role that the certificate says, whenever that changes."""
        while True:
            self._role_changed.clear()
            part = (
                self._manage(node_key, seal, gossip)
                if self._is_manager()
                else self._worker_part().run()
            )
            async with TaskGroup() as group:
                playing = group.create_task(part)
                await self._role_changed.wait()
                playing.cancel()

    async def _manage(self, node_key: bytes, seal: Seal, gossip: GossipPart) -> None:
        """Be a manager until cancelled, as soon as the keys are open."""
        keys = await self._open_raft(node_key)
        await ManagerPart(
            self._settings,
            lambda: self._identity,
            self._transport,
            self._disk,
            self._clock,
            self._known,
            keys,
            seal,
            gossip.neighbours,
        ).run()

    def _worker_part(self) -> WorkerPart:
        # A log of an earlier time as a manager must not vote again.
        shutil.rmtree(raft_directory(self._settings), ignore_errors=True)
        self._key_files.forget_raft()
        return WorkerPart(self._settings.socket_path, self._known)

    def _is_manager(self) -> bool:
        return self._identity.role == NODE_ROLE_MANAGER

    def _role_name(self) -> str:
        return "manager" if self._is_manager() else "worker"

    # Certificates

    async def _renew(self) -> None:
        """Renew the certificate long before it ends; keep trying when nobody answers."""
        while True:
            if self._identity.expires_at_s - self._clock.now() < RENEW_LEFT_S:
                try:
                    await self._get_certificate()
                except SwarmPyError as error:
                    log.warning("certificate_not_renewed", error=str(error))
            await self._clock.sleep(RENEW_CHECK_S)

    async def _get_certificate(self) -> None:
        """Ask the managers for a certificate of the role that the swarm wants of this node.

        Raises:
            SwarmPyError: what the last manager that was asked said.
        """
        key_pem, csr_pem = new_key_and_csr()
        response = await self._ask_managers(RenewCertificateRequest(csr_pem=csr_pem))
        identity = NodeIdentity.read(response.certificate_pem, key_pem, response.ca_certificate_pem)
        identity.save(self._disk, self._settings.state_dir)
        self._identity = identity
        if self._gossip is not None:
            self._gossip.papers_changed()

    async def _ask_managers(self, request: RenewCertificateRequest) -> RenewCertificateResponse:
        refusal: SwarmPyError = WrongState("no manager is known", remedy="join again")
        for address in self._manager_addresses():
            channel: grpc.aio.Channel = self._transport.channel(address)
            try:
                with errors_from_the_wire():
                    stub = DispatcherStub(channel)
                    return await stub.RenewCertificate(request, timeout=CALL_TIMEOUT_S)
            except SwarmPyError as error:
                refusal = error
            finally:
                await channel.close(None)
        raise refusal
