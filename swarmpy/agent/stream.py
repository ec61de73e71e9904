"""A call that streams both ways, with our errors instead of gRPC's."""

from __future__ import annotations

import asyncio
from typing import Any, Generic, TypeVar

import grpc

from swarmpy.rpc.errors_on_the_wire import errors_from_the_wire

Sent = TypeVar("Sent")
Received = TypeVar("Received")


class Stream(Generic[Sent, Received]):
    """One end of a call. Many may send; one reads, and ends the call when it is cancelled."""

    def __init__(self, call: grpc.aio.StreamStreamCall[Sent, Received]) -> None:
        self._call = call
        self._writing = asyncio.Lock()

    async def send(self, message: Sent) -> None:
        """Return when there is room for more. Raises what ended the call."""
        async with self._writing:
            with errors_from_the_wire():
                try:
                    await self._call.write(message)
                except asyncio.InvalidStateError:
                    await self._call.read()  # the call is over: this says why

    async def read(self) -> Received | None:
        """Return the next message, None after the last. Raises what ended the call."""
        with errors_from_the_wire():
            message: Any = await self._call.read()
        return None if message is grpc.aio.EOF else message  # type: ignore[attr-defined]  # stubs

    async def finish(self) -> None:
        """Say that nothing more is sent."""
        with errors_from_the_wire():
            await self._call.done_writing()

    def cancel(self) -> None:
        self._call.cancel()
