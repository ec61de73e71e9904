"""One connection to another manager: whole frames in order, and never a queue without end."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Sequence
from typing import Final

from swarmpy.errors import InvalidInput

LENGTH: Final = struct.Struct(">I")
FRAME_MAX_BYTES: Final = 64 << 20
"""Snapshots travel in pieces, so the largest frame is one proposal and a group before it."""
QUEUE_MAX_BYTES: Final = 32 << 20
"""What may wait to be sent. Raised: a slow peer costs more memory, and a heartbeat behind it
all comes later."""


class PeerLink(asyncio.Protocol):
    """`preferred` links stay when two nodes have dialled each other at once."""

    def __init__(self, peer_id: str, transport: asyncio.Transport, *, preferred: bool) -> None:
        self.peer_id = peer_id
        self.preferred = preferred
        self._transport = transport
        self._buffer = bytearray()
        """The beginning of a frame."""
        self._on_frames: Callable[[str, Sequence[bytes]], None] = lambda _peer, _frames: None
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def live(self, on_frames: Callable[[str, Sequence[bytes]], None]) -> None:
        """Tell of all frames, those that arrive together at once, until one end hangs up.

        Raises:
            InvalidInput: a frame is longer than any can be.
            OSError: the connection broke.
        """
        self._on_frames = on_frames
        self._transport.set_protocol(self)
        self._transport.resume_reading()
        await self._ended

    def send(self, frame: bytes) -> bool:
        """Queue a frame; False when the link is over or too much waits already."""
        transport, length = self._transport, len(frame)
        if transport.is_closing() or length > FRAME_MAX_BYTES:
            return False
        if transport.get_write_buffer_size() + length > QUEUE_MAX_BYTES:
            return False
        transport.write(LENGTH.pack(length) + frame)
        return True

    def abort(self) -> None:
        """End it at once: no frame is told of any more."""
        self._end(None)

    # --- asyncio.Protocol

    def data_received(self, data: bytes) -> None:
        received: bytes | bytearray = data
        if self._buffer:
            self._buffer += data
            received = self._buffer
        frames: list[bytes] = []
        size, start, length = len(received), 0, 0
        while size >= start + LENGTH.size and length <= FRAME_MAX_BYTES:
            (length,) = LENGTH.unpack_from(received, start)
            end = start + LENGTH.size + length
            if size < end:
                break
            frames.append(bytes(received[start + LENGTH.size : end]))
            start = end
        if received is data:
            self._buffer += data[start:]
        else:
            del self._buffer[:start]
        if frames and not self._ended.done():
            self._on_frames(self.peer_id, frames)
        if length > FRAME_MAX_BYTES:
            self._end(_too_long(length))

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc)

    def _end(self, error: Exception | None) -> None:
        if self._ended.done():
            return
        if error is None:
            self._ended.set_result(None)
        else:
            self._ended.set_exception(error)
        self._transport.abort()


def _too_long(length: int) -> InvalidInput:
    return InvalidInput(f"a frame of {length} bytes is longer than {FRAME_MAX_BYTES}")
