"""Opens one endless answer of the Docker Engine, on a connection of its own and without a thread.

For logs, exec and statistics: docker-py would hold a thread for each, and cannot be interrupted.
HTTP/1.0 asks the engine for an answer that simply ends when the connection does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Callable
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from swarmpy.errors import EngineUnavailable, SwarmPyError

HEAD_TIMEOUT_S = 30.0
ERROR_MAX_BYTES = 64 << 10
CHUNK_BYTES = 32 << 10

Stream: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Refusal: TypeAlias = Callable[[int, str], SwarmPyError]
"""Makes the error from the HTTP status and the engine's words."""


@contextlib.asynccontextmanager
async def open_stream(
    url: str, target: str, refusal: Refusal, body: dict[str, Any] | None = None
) -> AsyncGenerator[Stream, None]:
    """Ask for `target`; with a body, POST it and take over the connection in both directions.

    Raises:
        EngineUnavailable: the engine does not answer.
        what `refusal` makes of another answer than the one asked for.
    """
    try:
        async with asyncio.timeout(HEAD_TIMEOUT_S):
            reader, writer = await _connect(url)
    except (OSError, TimeoutError) as error:
        raise EngineUnavailable(f"the Docker Engine at {url} does not answer: {error}") from error
    try:
        try:
            async with asyncio.timeout(HEAD_TIMEOUT_S):
                await _ask(reader, writer, _request(target, body), refusal)
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError) as error:
            raise EngineUnavailable(f"the Docker Engine at {url} broke off: {error}") from error
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _connect(url: str) -> Stream:
    place = urlsplit(url)
    if place.scheme == "unix":
        return await asyncio.open_unix_connection(place.path)
    if place.scheme in {"tcp", "http"} and place.hostname:
        return await asyncio.open_connection(place.hostname, place.port or 2375)
    raise EngineUnavailable(
        f"logs and exec do not work through {url}", remedy="use a unix:// or tcp:// engine"
    )


def _request(target: str, body: dict[str, Any] | None) -> bytes:
    if body is None:
        return f"GET {target} HTTP/1.0\r\n\r\n".encode()
    data = json.dumps(body)
    head = (
        f"POST {target} HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    return (head + data).encode()


async def _ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, refusal: Refusal
) -> None:
    writer.write(request)
    await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    if status in {101, 200}:
        return
    said = await reader.read(ERROR_MAX_BYTES)
    try:
        words = str(json.loads(said[said.find(b"{") :].partition(b"\r\n")[0])["message"])
    except (ValueError, KeyError):
        words = said.decode(errors="replace").strip()
    raise refusal(status, words)
