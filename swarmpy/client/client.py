"""The SDK's front door: every call of the control API, as Python."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from swarmpy.client.address import LocalSocket, resolve
from swarmpy.client.cluster import ClusterCalls
from swarmpy.client.connection import Connection
from swarmpy.client.cron_jobs import CronJobCalls
from swarmpy.client.dependencies import DependencyCalls
from swarmpy.client.dialing import dial_local
from swarmpy.client.identity import read_identity
from swarmpy.client.nodes import NodeCalls
from swarmpy.client.registries import RegistryCalls
from swarmpy.client.tasks import TaskCalls
from swarmpy.client.volumes import VolumeCalls
from swarmpy.client.wait import WaitCalls
from swarmpy.errors import InvalidInput
from swarmpy.rpc.grpc_transport import GrpcTransport
from swarmpy.security.certificates import NodeIdentity


class Client(
    ClusterCalls,
    NodeCalls,
    CronJobCalls,
    TaskCalls,
    DependencyCalls,
    RegistryCalls,
    VolumeCalls,
    WaitCalls,
):
    """One swarm, from anywhere. Every error is a class of swarmpy/errors.py.

    async with await Client.connect() as client:
        for node in (await client.nodes()).nodes:
            print(node.description.hostname)
    """

    @classmethod
    async def connect(
        cls, address: str | None = None, *, identity: NodeIdentity | Path | None = None
    ) -> Self:
        """Return a client that is connected.

        `address` is `unix:///path` or `host:port[,host:port...]`; None asks SWARMPY_HOST, and
        without it this machine's daemon. Managers elsewhere want an `identity`, or a directory
        that holds one; None asks SWARMPY_IDENTITY.

        Raises:
            InvalidInput: the address or the identity cannot be used.
            DaemonUnreachable: nobody answers there.
            PermissionDenied: this user may not open the socket.
        """
        where = resolve(address)
        if isinstance(where, LocalSocket):
            connection = Connection([where.target], dial_local)
        else:
            shown = await asyncio.to_thread(_identity, identity)
            connection = Connection(where.targets, GrpcTransport(lambda: shown).channel)
        await connection.open()
        return cls(connection)

    async def close(self) -> None:
        """End every call under way and the connection. May be called twice."""
        await self._connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


def _identity(given: NodeIdentity | Path | None) -> NodeIdentity:
    if isinstance(given, NodeIdentity):
        return given
    return read_identity(given or _identity_directory())


def _identity_directory() -> Path:
    directory = os.environ.get("SWARMPY_IDENTITY", "")
    if not directory:
        raise InvalidInput(
            "managers on other machines want a certificate, and none was given",
            remedy="set SWARMPY_IDENTITY to a directory that holds one, "
            "or use the daemon of this machine",
        )
    return Path(directory)
