"""What a worker answers to the CLI of its own machine: whom to ask instead."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import grpc

from swarmpy.daemon.known_managers import KnownManagers
from swarmpy.errors import WrongState
from swarmpy.pb import control_pb2
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
        service = control_pb2.DESCRIPTOR.services_by_name["Control"]
        handlers = {
            method.name: (
                grpc.stream_stream_rpc_method_handler(self._refuse_stream)
                if method.server_streaming
                else grpc.unary_unary_rpc_method_handler(self._refuse)
            )
            for method in service.methods
        }
        generic = grpc.method_handlers_generic_handler(service.full_name, handlers)
        server.add_generic_rpc_handlers((generic,))

    async def _refuse(self, _request: bytes, _context: Any) -> bytes:
        raise self._refusal()

    async def _refuse_stream(self, _requests: Any, _context: Any) -> None:
        raise self._refusal()

    def _refusal(self) -> WrongState:
        managers = ", ".join(address.rpartition(":")[0] for address in self._known.api_addresses())
        return WrongState(
            "this node is a worker: it cannot speak for the swarm",
            remedy=f"run the command on a manager ({managers or 'none is known'})",
        )
