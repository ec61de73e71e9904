"""One connection to another manager: whole frames in order, and never a queue without end."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from typing import Final

from swarmpy.errors import InvalidInput

LENGTH: Final = struct.Struct(">I")
FRAME_MAX_BYTES: Final = 64 << 20
"""Snapshots travel in pieces, so the largest frame is one proposal and a group before it."""
QUEUE_MAX_BYTES: Final = 32 << 20
"""What may wait to be sent. Raised: a slow peer costs more memory, and a heartbeat behind it
all comes later."""

READ_BYTES: Final = 256 << 10
"""Taken from the connection at once."""


class PeerLink:
    """`preferred` links stay when two nodes have dialled each other at once."""

    def __init__(self, peer_id: str, writer: asyncio.StreamWriter, *, preferred: bool) -> None:
        self.peer_id = peer_id
        self.preferred = preferred
        self._writer = writer

    def send(self, frame: bytes) -> bool:
        """Queue a frame; False when the link is over or too much waits already."""
        transport = self._writer.transport
        if transport.is_closing() or len(frame) > FRAME_MAX_BYTES:
            return False
        if transport.get_write_buffer_size() + len(frame) > QUEUE_MAX_BYTES:
            return False
        self._writer.write(LENGTH.pack(len(frame)) + frame)
        return True

    def abort(self) -> None:
        """End it at once; its reader sees the end."""
        self._writer.transport.abort()


async def frames_of(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Yield frames until the other end hangs up.

    Raises:
        InvalidInput: a frame is longer than any can be.
        OSError: the connection broke.
    """
    buffer = bytearray()
    while chunk := await reader.read(READ_BYTES):
        buffer += chunk
        start = 0
        while len(buffer) >= start + LENGTH.size:
            (length,) = LENGTH.unpack_from(buffer, start)
            if length > FRAME_MAX_BYTES:
                raise InvalidInput(f"a frame of {length} bytes is longer than {FRAME_MAX_BYTES}")
            end = start + LENGTH.size + length
            if len(buffer) < end:
                break
            yield bytes(buffer[start + LENGTH.size : end])
            start = end
        del buffer[:start]
