"""What a handler sees of its call in memory: the face of grpc.aio.ServicerContext."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any, NoReturn

import grpc

from swarmpy.pb.types_pb2 import NodeRole
from swarmpy.rpc.peer import CLUSTER_ID_KEY, NODE_ID_KEY, ROLE_KEY
from swarmpy.testing.connection import Socket
from swarmpy.testing.rpc_frames import (
    END_OF_STREAM,
    Begin,
    Inbox,
    InitialMetadata,
    Metadata,
    Outbox,
    Status,
    pairs,
)


class CallContext:
    """One call, as its handler sees it."""

    def __init__(self, begin: Begin, socket: Socket) -> None:
        self.inbox = Inbox()
        self.gone = False
        """The caller does not wait any more."""
        self._begin = begin
        self._socket = socket
        self._outbox = Outbox(socket.send)
        self._loop = asyncio.get_running_loop()
        self._began_s = self._loop.time()
        self._handler: Any = None
        self._code = grpc.StatusCode.OK
        self._details = ""
        self._trailing_metadata: Metadata = ()
        self._finished = False
        self._done_callbacks: list[Callable[[Any], None]] = []

    # --- for the server

    def use(self, handler: Any) -> None:
        """Say who answers: its serializers make messages of bytes."""
        self._handler = handler

    def ended_with(self) -> Status:
        return Status(self._code, self._details, self._trailing_metadata)

    aborted_with = ended_with

    def finish(self) -> None:
        self._finished = True
        for callback in self._done_callbacks:
            callback(self)

    async def requests(self) -> AsyncIterator[Any]:
        while (request := await self.read()) is not END_OF_STREAM:
            yield request

    # --- what grpc.aio promises to handlers

    async def read(self) -> Any:
        """Return the next request, or grpc.aio.EOF after the last."""
        data = await self.inbox.get()
        if data is None:
            return END_OF_STREAM
        deserialize = self._handler.request_deserializer
        return data if deserialize is None else deserialize(data)

    async def write(self, message: Any) -> None:
        """Send a response; wait while the caller is too far behind.

        Raises:
            grpc.aio.UsageError: the call is over.
        """
        serialize = self._handler.response_serializer
        data = message if serialize is None else serialize(message)
        if not await self._outbox.put(data):
            raise grpc.aio.UsageError("RPC already finished.")

    async def abort(
        self,
        code: grpc.StatusCode,
        details: str = "",
        trailing_metadata: Iterable[tuple[str, str | bytes]] = (),
    ) -> NoReturn:
        """End the call with an error."""
        assert code is not grpc.StatusCode.OK, "an error is not OK"
        self._code, self._details = code, details
        self._trailing_metadata = pairs(trailing_metadata) or self._trailing_metadata
        raise grpc.aio.AbortError("Locally aborted.")

    async def send_initial_metadata(self, metadata: Iterable[tuple[str, str | bytes]]) -> None:
        self._socket.send(InitialMetadata(pairs(metadata)))

    def set_trailing_metadata(self, metadata: Iterable[tuple[str, str | bytes]]) -> None:
        self._trailing_metadata = pairs(metadata)

    def set_code(self, code: grpc.StatusCode) -> None:
        self._code = code

    def set_details(self, details: str) -> None:
        self._details = details

    def invocation_metadata(self) -> Metadata:
        return self._begin.metadata

    def peer(self) -> str:
        return f"memory:{self._socket.remote}"

    def auth_context(self) -> Mapping[str, Iterable[bytes]]:
        caller = self._begin.caller
        return {
            NODE_ID_KEY: (caller.node_id.encode(),),
            ROLE_KEY: (NodeRole.Name(caller.role).encode(),),
            CLUSTER_ID_KEY: (caller.cluster_id.encode(),),
        }

    def time_remaining(self) -> float | None:
        if self._begin.timeout_s is None:
            return None
        return max(0.0, self._began_s + self._begin.timeout_s - self._loop.time())

    def cancelled(self) -> bool:
        return self.gone

    def done(self) -> bool:
        return self._finished

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        self._done_callbacks.append(callback)
