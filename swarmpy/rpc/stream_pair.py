"""A transport read and written as asyncio's streams."""

from __future__ import annotations

import asyncio
from typing import TypeAlias

Streams: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def streams_of(transport: asyncio.Transport) -> Streams:
    """Return streams on a transport that nobody reads from yet."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(loop=loop)
    lines = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport.set_protocol(lines)
    lines.connection_made(transport)
    transport.resume_reading()
    return reader, asyncio.StreamWriter(transport, lines, reader, loop)
