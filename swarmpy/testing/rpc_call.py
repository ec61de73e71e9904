"""The client's end of a call in memory, with the face of grpc.aio's call objects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any

import grpc

from swarmpy.testing.connection import Socket
from swarmpy.testing.memory_network import ConnectFailed
from swarmpy.testing.rpc_frames import (
    END_OF_STREAM,
    Begin,
    Frame,
    Inbox,
    InitialMetadata,
    Message,
    Metadata,
    NoMoreRequests,
    Outbox,
    Status,
)

CANCELLED = Status(grpc.StatusCode.CANCELLED, "Locally cancelled by application!")
EXPIRED = Status(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")


@dataclass(frozen=True, slots=True)
class Method:
    """How one method's messages become bytes and back."""

    serialize: Callable[[Any], bytes]
    deserialize: Callable[[bytes], Any]
    streams_requests: bool
    streams_responses: bool


class Call:
    """One call, from the moment it is made. Await it, iterate it, or read and write it, as the
    kind of its method allows; it behaves as grpc.aio's does.
    """

    def __init__(
        self, method: Method, begin: Begin, connect: Callable[[], Awaitable[Socket]]
    ) -> None:
        self._method = method
        self._begin = begin
        self._connect = connect
        self._loop = asyncio.get_running_loop()
        self._over: asyncio.Future[Status] = self._loop.create_future()
        self._connected = asyncio.Event()
        self._socket: Socket | None = None
        self._inbox = Inbox()
        self._outbox = Outbox(self._send)
        self._initial_metadata: Metadata = ()
        self._writes_over = False
        self._style = ""
        self._done_callbacks: list[Callable[[Any], None]] = []
        self._ends_at_s: float | None = None
        if begin.timeout_s is not None:
            self._ends_at_s = self._loop.time() + begin.timeout_s
            self._alarm = self._loop.call_later(begin.timeout_s, self._end_here, EXPIRED)
        self._tasks = [self._loop.create_task(self._open())]

    def feed(self, requests: Any) -> None:
        """Send one message, or everything of an iterator, and then that it was the last."""
        if self._method.streams_requests:
            feeding = self._write_all(requests)
        else:
            feeding = self._write_one(requests)
        self._tasks.append(self._loop.create_task(feeding))

    # --- what grpc.aio's calls promise

    def done(self) -> bool:
        return self._over.done()

    def cancelled(self) -> bool:
        return self._over.done() and self._over.result().code is grpc.StatusCode.CANCELLED

    def cancel(self) -> bool:
        """End it here and let the server know; False when it was over."""
        return self._end_here(CANCELLED)

    def time_remaining(self) -> float | None:
        return None if self._ends_at_s is None else max(0.0, self._ends_at_s - self._loop.time())

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        if self.done():
            callback(self)
        else:
            self._done_callbacks.append(callback)

    async def code(self) -> grpc.StatusCode:
        return (await asyncio.shield(self._over)).code

    async def details(self) -> str:
        return (await asyncio.shield(self._over)).details

    async def trailing_metadata(self) -> grpc.aio.Metadata:
        return grpc.aio.Metadata(*(await asyncio.shield(self._over)).trailing_metadata)

    async def initial_metadata(self) -> grpc.aio.Metadata:
        return grpc.aio.Metadata(*self._initial_metadata)

    async def wait_for_connection(self) -> None:
        """Return once the server has the call. Raises AioRpcError when it cannot have it."""
        await self._connected.wait()
        if self._socket is None:
            self._raise_unless_ok()

    def __await__(self) -> Generator[Any, None, Any]:
        return self._response().__await__()

    def __aiter__(self) -> AsyncIterator[Any]:
        self._use("iterated")
        return self._responses()

    async def read(self) -> Any:
        """Return the next response, or grpc.aio.EOF. Raises AioRpcError."""
        self._use("read")
        return await self._next()

    async def write(self, request: Any) -> None:
        """Send a request. Raises AioRpcError, or InvalidStateError when the call is over."""
        if self.done() or self._writes_over:
            raise asyncio.InvalidStateError("RPC already finished.")
        await self._or_cancel(self._write(request))
        if self.done():
            self._raise_unless_ok()

    async def done_writing(self) -> None:
        self._writes_over = True
        await self._connected.wait()
        self._send(NoMoreRequests())

    # --- inside

    def _use(self, style: str) -> None:
        """Refuse what grpc.aio refuses: to mix two ways of reading one call."""
        if self._style not in {"", style}:
            raise grpc.aio.UsageError("The iterator and read/write APIs may not be mixed.")
        self._style = style

    async def _open(self) -> None:
        try:
            self._socket = await self._connect()
        except ConnectFailed as error:
            self._end(Status(grpc.StatusCode.UNAVAILABLE, str(error)))
            return
        self._socket.on_message = self._receive
        self._socket.on_close = self._broken
        self._socket.send(self._begin)
        self._connected.set()

    def _receive(self, frame: Frame) -> None:
        match frame:
            case Message():
                self._inbox.put(frame)
            case InitialMetadata(metadata):
                self._initial_metadata = metadata
            case Status():
                self._end(frame)
            case _:
                raise AssertionError(f"a server does not say {frame}")

    def _broken(self) -> None:
        self._end(Status(grpc.StatusCode.UNAVAILABLE, "the connection to the server broke"))

    def _end_here(self, status: Status) -> bool:
        """End it by this end's will: what was not read yet is lost."""
        self._inbox.end(forget=not self.done())
        return self._end(status)

    def _end(self, status: Status) -> bool:
        if self.done():
            return False
        self._over.set_result(status)
        self._inbox.end()
        self._connected.set()
        if self._ends_at_s is not None:
            self._alarm.cancel()
        if self._socket is not None:
            self._socket.close()
        current = asyncio.current_task()
        for task in self._tasks:
            if task is not current:
                task.cancel()
        for callback in self._done_callbacks:
            callback(self)
        return True

    def _send(self, frame: Frame) -> bool:
        return self._socket is not None and self._socket.send(frame)

    async def _responses(self) -> AsyncIterator[Any]:
        while (response := await self._next()) is not END_OF_STREAM:
            yield response

    async def _next(self) -> Any:
        data = await self._or_cancel(self._inbox.get())
        if data is not None:
            return self._method.deserialize(data)
        self._raise_unless_ok()
        return END_OF_STREAM

    async def _write(self, request: Any) -> None:
        await self._connected.wait()
        if not self.done():
            await self._outbox.put(self._method.serialize(request))

    async def _write_one(self, request: Any) -> None:
        await self._write(request)
        await self.done_writing()

    async def _write_all(self, requests: AsyncIterable[Any] | Iterable[Any]) -> None:
        if isinstance(requests, AsyncIterable):
            async for request in requests:
                await self._write(request)
        else:
            for request in requests:
                await self._write(request)
        await self.done_writing()

    async def _response(self) -> Any:
        """Return the one response of a method that does not stream them."""
        data = await self._or_cancel(self._inbox.get())
        await self._or_cancel(asyncio.shield(self._over))
        self._raise_unless_ok()
        assert data is not None, f"{self._begin.method} ended well without a response"
        return self._method.deserialize(data)

    async def _or_cancel(self, waiting: Awaitable[Any]) -> Any:
        """Await; when whoever awaits is cancelled, so is the call."""
        try:
            return await waiting
        except asyncio.CancelledError:
            self.cancel()
            raise

    def _raise_unless_ok(self) -> None:
        status = self._over.result()
        if status is CANCELLED:
            raise asyncio.CancelledError
        if status.code is not grpc.StatusCode.OK:
            raise status.error()
