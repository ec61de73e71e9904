"""Reads the logs of a container, and follows them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from urllib.parse import urlencode

from swarmpy.errors import EngineUnavailable
from swarmpy.pb.dispatcher_pb2 import LogLine, LogOptions
from swarmpy.runtime.docker_frames import Frames, Lines, Plain
from swarmpy.runtime.docker_stream import CHUNK_BYTES, open_stream


async def read_logs(
    url: str, container_id: str, options: LogOptions, *, tty: bool
) -> AsyncGenerator[LogLine, None]:
    """Yield the lines that are wanted; with `follow`, new ones until the container has ended."""
    pieces = Plain() if tty else Frames()
    lines = Lines()
    async with open_stream(url, _target(container_id, options), _refused) as (reader, _):
        while data := await _read(reader):
            for is_stderr, payload in pieces.feed(data):
                for line in lines.feed(is_stderr, payload):
                    yield line
    for line in lines.rest():
        yield line


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(CHUNK_BYTES)
    except OSError as error:
        raise EngineUnavailable(f"the logs broke off: {error}") from error


def _target(container_id: str, options: LogOptions) -> str:
    both = not options.stdout and not options.stderr
    query: dict[str, str | int] = {
        "timestamps": 1,
        "follow": int(options.follow),
        "stdout": int(options.stdout or both),
        "stderr": int(options.stderr or both),
        "tail": "all" if options.tail < 0 else options.tail,
    }
    if options.since_ms:
        query["since"] = f"{options.since_ms / 1000:.3f}"
    return f"/containers/{container_id}/logs?{urlencode(query)}"


def _refused(_: int, words: str) -> EngineUnavailable:
    return EngineUnavailable(f"could not read logs: {words}")
