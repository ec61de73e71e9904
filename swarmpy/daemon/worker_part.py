"""What a worker answers to the CLI of its own machine: whom to ask instead."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc

from swarmpy.daemon.known_managers import KnownManagers
from swarmpy.daemon.local_service import NotLocked, serve_lock
from swarmpy.daemon.refusal import refuse_control
from swarmpy.errors import WrongState
from swarmpy.rpc.grpc_transport import serve_local

STOP_GRACE_S = 0.5


class WorkerPart:
    """Serves the local socket; every call of the control API is refused with the way to go."""

    def __init__(self, socket_path: Path, known: KnownManagers) -> None:
        self._socket_path = socket_path
        self._known = known

    async def run(self) -> None:
        """Serve until cancelled."""
        server = await serve_local(self._socket_path, self._register)
        try:
            await asyncio.Event().wait()
        finally:
            await server.stop(STOP_GRACE_S)

    def _register(self, server: grpc.aio.Server) -> None:
        refuse_control(server, self._refusal)
        serve_lock(server, NotLocked())

    def _refusal(self) -> WrongState:
        managers = ", ".join(address.rpartition(":")[0] for address in self._known.api_addresses())
        return WrongState(
            "this node is a worker: it cannot speak for the swarm",
            remedy=f"run the command on a manager ({managers or 'none is known'})",
        )
