"""A servicer for transports to carry: one method of each kind, that does what it is asked to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

from swarmpy.errors import Conflict, NotFound
from swarmpy.pb.control_pb2 import GetNodeRequest, WatchBatch, WatchRequest
from swarmpy.pb.control_pb2_grpc import ControlServicer
from swarmpy.pb.dispatcher_pb2 import (
    AgentMessage,
    ExecInput,
    ExecOutput,
    LogChunk,
    ManagerMessage,
    PublishLogsResponse,
    StatusAck,
)
from swarmpy.pb.dispatcher_pb2_grpc import DispatcherServicer
from swarmpy.pb.objects_pb2 import Node
from swarmpy.rpc.peer import peer_of


class Servicer(ControlServicer, DispatcherServicer):
    """Answers in each of the ways that handlers are written in."""

    def __init__(self) -> None:
        self.cancelled = asyncio.Event()
        self.written = 0

    async def GetNode(self, request: GetNodeRequest, context: Any) -> Node:  # noqa: N802
        match request.node:
            case "missing":
                raise Conflict("node missing is not there", remedy="look", fields={"id": "n1"})
            case "bug":
                raise ZeroDivisionError
            case "forever":
                with self._noting_cancellation():
                    await asyncio.Event().wait()
            case "metadata":
                return Node(id=str(dict(context.invocation_metadata())["swarmpy-mark"]))
            case _:
                pass
        return Node(id=peer_of(context).node_id)

    async def Watch(self, request: WatchRequest, context: Any) -> AsyncIterator[WatchBatch]:  # noqa: N802
        with self._noting_cancellation():
            index = 0
            while index < 3 or request.service == "endless":
                yield WatchBatch(index=index)
                self.written = index = index + 1
            if request.service == "missing":
                raise NotFound.named("service", "missing")
            if request.service == "forever":
                await asyncio.Event().wait()

    async def PublishLogs(self, chunks: AsyncIterator[LogChunk], context: Any) -> Any:  # noqa: N802
        ids = [chunk.request_id async for chunk in chunks]
        if ids != ["0", "1", "2"]:
            raise Conflict(f"chunks came as {ids}")
        return PublishLogsResponse()

    async def Session(self, messages: AsyncIterator[AgentMessage], context: Any) -> Any:  # noqa: N802
        async for message in messages:
            at_ms = message.heartbeat.sent_at_ms
            yield ManagerMessage(acknowledged=StatusAck(sequence=at_ms))

    async def AttachExec(  # type: ignore[override]  # noqa: N802 - it writes instead
        self, outputs: AsyncIterator[ExecOutput], context: Any
    ) -> None:
        async for output in outputs:
            await context.write(ExecInput(stdin=output.stdout))

    @contextmanager
    def _noting_cancellation(self) -> Iterator[None]:
        """Note that the block was left in the middle, wherever it had got to."""
        try:
            yield
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled.set()
            raise


def new_servicer() -> Servicer:
    return Servicer()  # type: ignore[abstract]  # at run time nothing is
