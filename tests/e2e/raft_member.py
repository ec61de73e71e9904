"""Raft as a manager has it, on real TLS, disk and time; for processes that are there to be hurt."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from swarmpy.daemon.clock import SystemClock
from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER
from swarmpy.raft.disk import LocalDisk
from swarmpy.raft.node import RaftNode
from swarmpy.raft.sealing import Sealing
from swarmpy.raft.settings import RaftSettings
from swarmpy.raft.tls_network import TlsPeerNetwork
from swarmpy.rpc.cluster_port import ClusterPort
from swarmpy.seams import StateMachine
from swarmpy.security.certificates import Authority, NodeIdentity, new_key_and_csr
from swarmpy.security.data_keys import KEY_BYTES, DataKeys

CERTIFICATE_TTL_S = 86400.0
KEYS = DataKeys({1: bytes(KEY_BYTES)})
"""The same in every life of a process."""


def found(directory: Path, names: Iterable[str]) -> None:
    """Give every name a directory with a certificate of one new authority."""
    now = SystemClock().now()
    authority = Authority.create("cluster", now)
    for name in names:
        key_pem, csr_pem = new_key_and_csr()
        certificate_pem = authority.sign(
            csr_pem,
            node_id=name,
            role=NODE_ROLE_MANAGER,
            cluster_id="cluster",
            ttl_s=CERTIFICATE_TTL_S,
            now_s=now,
        )
        identity = NodeIdentity.read(certificate_pem, key_pem, authority.ca_certificate_pem)
        identity.save(LocalDisk(), directory / name)


class RaftMember:
    """A node of Raft in a directory that `found` has made, and the port it is reached by."""

    def __init__(
        self,
        directory: Path,
        members: Mapping[str, str],
        machine: StateMachine,
        settings: RaftSettings,
    ) -> None:
        disk, clock = LocalDisk(), SystemClock()
        identity = NodeIdentity.load(disk, directory)
        assert identity is not None, directory
        self._members = members
        self._address = members[identity.node_id]
        self._port = ClusterPort(lambda: identity)
        self._network = TlsPeerNetwork(identity.node_id, self._port, clock)
        self.node = RaftNode(
            identity.node_id,
            machine,
            self._network,
            disk,
            directory / "raft",
            clock,
            random.SystemRandom(),
            Sealing(identity.cluster_id, KEYS, random.SystemRandom()),
            settings,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Take part for the length of a block. What fails in Raft ends the block."""
        self._port.bind(self._address)
        try:
            await self.node.start(self._members)
            async with asyncio.TaskGroup() as tasks:
                parts = [
                    tasks.create_task(self._port.run()),
                    tasks.create_task(self._network.run()),
                    tasks.create_task(self.node.run()),
                ]
                yield
                for part in parts:
                    part.cancel()
        finally:
            self._port.close()
