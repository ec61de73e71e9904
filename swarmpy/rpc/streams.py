"""A connection as asyncio's streams: for what is said once, such as joining."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from swarmpy.rpc.peer import Peer

Streams: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]
StreamHandler: TypeAlias = Callable[
    [asyncio.StreamReader, asyncio.StreamWriter, Peer | None], Awaitable[None]
]


def streams_of(transport: asyncio.Transport) -> Streams:
    """Return streams on a transport that nobody reads from yet."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(loop=loop)
    lines = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport.set_protocol(lines)
    lines.connection_made(transport)
    transport.resume_reading()
    return reader, asyncio.StreamWriter(transport, lines, reader, loop)


def on_streams(
    handler: StreamHandler,
) -> Callable[[asyncio.Transport, Peer | None], Awaitable[None]]:
    """Return a handler for the cluster port that serves by streams."""

    async def serve(transport: asyncio.Transport, peer: Peer | None) -> None:
        reader, writer = streams_of(transport)
        try:
            await handler(reader, writer, peer)
        finally:
            writer.close()

    return serve
