"""What the two ends of a call in memory say to each other: gRPC's life of a call, as values."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc

from swarmpy.rpc.peer import Peer

Metadata: TypeAlias = tuple[tuple[str, str | bytes], ...]

END_OF_STREAM: Any = grpc.aio.EOF  # type: ignore[attr-defined]  # the stubs forgot it
"""What `read` returns after the last message."""

WINDOW = 64
"""Messages a writer may be ahead of the reader; then it waits, as HTTP/2 makes it wait."""


@dataclass(frozen=True, slots=True)
class Begin:
    """The first frame: which method, for whom, and how long the caller will wait."""

    method: str
    metadata: Metadata
    caller: Peer
    timeout_s: float | None


@dataclass(frozen=True, slots=True)
class Message:
    data: bytes
    read: Callable[[], None]
    """Called once the other end has read it: the writer may send another."""


@dataclass(frozen=True, slots=True)
class NoMoreRequests:
    """The client has written its last."""


@dataclass(frozen=True, slots=True)
class InitialMetadata:
    metadata: Metadata


@dataclass(frozen=True, slots=True)
class Status:
    """How a call ended; the server's last frame."""

    code: grpc.StatusCode
    details: str = ""
    trailing_metadata: Metadata = ()

    def error(self) -> grpc.aio.AioRpcError:
        return grpc.aio.AioRpcError(
            self.code,
            grpc.aio.Metadata(),
            grpc.aio.Metadata(*self.trailing_metadata),
            self.details,
            None,
        )


Frame: TypeAlias = Begin | Message | NoMoreRequests | InitialMetadata | Status


class Inbox:
    """Messages that came and were not read yet; then the end."""

    def __init__(self) -> None:
        self._messages: deque[Message] = deque()
        self._ended = False
        self._wake = asyncio.Event()

    def put(self, message: Message) -> None:
        self._messages.append(message)
        self._wake.set()

    def end(self, *, forget: bool = False) -> None:
        """Let readers know that no more comes; with `forget`, nor what was not read yet."""
        self._ended = True
        if forget:
            self._messages.clear()
        self._wake.set()

    async def get(self) -> bytes | None:
        """Return the next message; None after the last."""
        while not self._messages:
            if self._ended:
                return None
            self._wake.clear()
            await self._wake.wait()
        message = self._messages.popleft()
        message.read()
        return message.data


class Outbox:
    """Writes messages, at most WINDOW ahead of who reads them."""

    def __init__(self, send: Callable[[Frame], bool]) -> None:
        self._send = send
        self._room = asyncio.Semaphore(WINDOW)

    async def put(self, data: bytes) -> bool:
        """Return False when the connection is over."""
        await self._room.acquire()
        return self._send(Message(data, self._room.release))


def pairs(metadata: Iterable[tuple[str, str | bytes]] | None) -> Metadata:
    return tuple((key, value) for key, value in metadata or ())
