"""Whole messages on a byte stream: a 4-byte big-endian length, then a protobuf message."""

from __future__ import annotations

import asyncio
import struct
from typing import Final, TypeVar

from google.protobuf.message import DecodeError, Message

from swarmpy.errors import InvalidInput

FRAME_MAX_BYTES: Final = 64 * 1024
"""A join needs a few kilobytes; whoever announces more is not one of us."""

M = TypeVar("M", bound=Message)


async def read_frame(reader: asyncio.StreamReader, kind: type[M]) -> M:
    """Return the next message.

    Raises:
        InvalidInput: it is too long, or not what it should be.
        asyncio.IncompleteReadError: the other end hung up.
    """
    (length,) = struct.unpack(">I", await reader.readexactly(4))
    if length > FRAME_MAX_BYTES:
        raise InvalidInput(f"a frame of {length} bytes is longer than {FRAME_MAX_BYTES}")
    try:
        return kind.FromString(await reader.readexactly(length))
    except DecodeError as error:
        raise InvalidInput(f"a frame does not hold a {kind.__name__}") from error


async def write_frame(writer: asyncio.StreamWriter, message: Message) -> None:
    """Send one message. Raises OSError when the other end is gone."""
    data = message.SerializeToString()
    assert len(data) <= FRAME_MAX_BYTES, f"{type(message).__name__} has {len(data)} bytes"
    writer.write(struct.pack(">I", len(data)) + data)
    await writer.drain()
