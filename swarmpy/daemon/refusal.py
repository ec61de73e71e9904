"""Answers every call of the control API with one error: this node cannot speak for the swarm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc

from swarmpy.errors import SwarmPyError
from swarmpy.pb import control_pb2


def refuse_control(server: grpc.aio.Server, refusal: Callable[[], SwarmPyError]) -> None:
    """Serve Control so that each call raises what `refusal` returns."""

    async def refuse(_request: bytes, _context: Any) -> bytes:
        raise refusal()

    async def refuse_stream(_requests: Any, _context: Any) -> None:
        raise refusal()

    service = control_pb2.DESCRIPTOR.services_by_name["Control"]
    handlers = {
        method.name: (
            grpc.stream_stream_rpc_method_handler(refuse_stream)
            if method.server_streaming
            else grpc.unary_unary_rpc_method_handler(refuse)
        )
        for method in service.methods
    }
    generic = grpc.method_handlers_generic_handler(service.full_name, handlers)
    server.add_generic_rpc_handlers((generic,))
