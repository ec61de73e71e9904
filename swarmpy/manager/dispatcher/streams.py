"""Answers the streams that agents open because they were asked to: log lines and commands."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from swarmpy.manager.lead import Lead
from swarmpy.manager.permission import require_node
from swarmpy.manager.seat import Seat
from swarmpy.manager.serving import Send
from swarmpy.pb.dispatcher_pb2 import ExecOutput, LogChunk, PublishLogsResponse
from swarmpy.rpc.peer import Peer


class Streams:
    def __init__(self, seat: Seat, lead: Callable[[], Lead]) -> None:
        self._seat = seat
        self._lead = lead

    async def publish_logs(
        self, peer: Peer, chunks: AsyncIterator[LogChunk]
    ) -> PublishLogsResponse:
        require_node(self._seat.store.view, peer)
        return await self._lead().logs.publish(peer, chunks)

    async def attach_exec(self, peer: Peer, frames: AsyncIterator[ExecOutput], send: Send) -> None:
        require_node(self._seat.store.view, peer)
        await self._lead().execs.attach(peer, frames, send)
