"""One life of a gossip process, as its daemon holds it."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog

from swarmpy.gossip import pipe
from swarmpy.pb.gossip_local_pb2 import GossipOrder, GossipReport

log = structlog.get_logger()

ORDERS_MAX_BYTES: Final = 16 << 20
"""Orders that may wait. A process with more to read does not live."""
END_S: Final = 3.0
"""How long it may take to end once its pipe is closed."""


class Child:
    """What can be done with it while it runs."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, order: GossipOrder) -> None:
        """Let it obey. When it reads nothing any more its life ends, and `read` tells."""
        if self._writer.transport.get_write_buffer_size() > ORDERS_MAX_BYTES:
            self.end()
        if not self._writer.is_closing():
            pipe.put(self._writer, order)

    def end(self) -> None:
        """Let its life end; `read` tells when it has."""
        self._writer.transport.abort()

    async def read(self) -> GossipReport:
        """Return what it tells next. Raises IncompleteReadError, OSError when it has ended."""
        return await pipe.read_report(self._reader)


@asynccontextmanager
async def child() -> AsyncIterator[Child]:
    """Start a process for the length of a block; when it ends before, its pipe is closed.

    It is not forked: with closed descriptors and no hook, subprocess goes through vfork and exec,
    so the threads and handlers of gRPC never notice. Keys and certificates go through the pipe.
    """
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with theirs:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "swarmpy.gossip", "0",
            stdin=theirs.fileno(), stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
    try:
        reader, writer = await asyncio.open_connection(sock=ours)
        try:
            yield Child(reader, writer)
        finally:
            writer.transport.abort()
    finally:
        ours.close()
        await _ended(process)


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Return when it has; whoever cannot wait so long kills it, and leaves nothing behind."""
    try:
        async with asyncio.timeout(END_S):
            await process.wait()
    except TimeoutError:
        log.warning("gossip_process_does_not_end", pid=process.pid)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
