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


async def read_frame(
    reader: asyncio.StreamReader, kind: type[M], max_bytes: int = FRAME_MAX_BYTES
) -> M:
    """Return the next message.

    Raises:
        InvalidInput: it is too long, or not what it should be.
        asyncio.IncompleteReadError: the other end hung up.
    """
    (length,) = struct.unpack(">I", await reader.readexactly(4))
    if length > max_bytes:
        raise InvalidInput(f"a frame of {length} bytes is longer than {max_bytes}")
    try:
        return kind.FromString(await reader.readexactly(length))
    except DecodeError as error:
        raise InvalidInput(f"a frame does not hold a {kind.__name__}") from error


async def write_frame(writer: asyncio.StreamWriter, message: Message) -> None:
    """Send one message. Raises OSError when the other end is gone."""
    put_frame(writer, message)
    await writer.drain()


def put_frame(
    writer: asyncio.StreamWriter, message: Message, max_bytes: int = FRAME_MAX_BYTES
) -> None:
    """Let a message wait for the other end to take it."""
    data = message.SerializeToString()
    assert len(data) <= max_bytes, f"{type(message).__name__} has {len(data)} bytes"
    writer.write(struct.pack(">I", len(data)) + data)
