"""Serves by streams on the cluster port: for what is said once, such as joining."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from swarmpy.rpc.peer import Peer
from swarmpy.rpc.stream_pair import streams_of

StreamHandler: TypeAlias = Callable[
    [asyncio.StreamReader, asyncio.StreamWriter, Peer | None], Awaitable[None]
]


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
