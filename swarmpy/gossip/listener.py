"""Accepts streams: few at once, and with TLS before anything is read."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from swarmpy.errors import WrongState
from swarmpy.rpc.address import split_address
from swarmpy.rpc.dial import HANG_UP_TIMEOUT_S, hang_up
from swarmpy.task_group import TaskGroup

SERVED_MAX: Final = 64
"""Streams at once; more are closed before any cryptography is done for them."""
HANDSHAKE_S: Final = 3.0
ACCEPT_PAUSE_S: Final = 0.1

Handler: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Listener:
    """Bound from the start; `run` in a task of its owner's TaskGroup."""

    def __init__(self, address: str) -> None:
        """Bind to host:port. Raises WrongState: it is taken, or not this machine's."""
        host, port = split_address(address)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._socket = socket.create_server(
                (host, port), family=family, backlog=128, dualstack_ipv6=host == "::"
            )
        except OSError as error:
            raise WrongState(
                f"cannot listen on {address}: {error.strerror}",
                remedy="stop what uses it, or give this node another --gossip-port",
            ) from error
        self._socket.setblocking(False)
        self._served = 0

    async def run(self, handler: Handler, context: Callable[[], ssl.SSLContext | None]) -> None:
        """Serve until cancelled. `context` is asked anew for each stream; None: no TLS.

        `handler` must not raise; its stream is closed when it returns.
        """
        untaken: set[socket.socket] = set()
        try:
            async with TaskGroup() as streams:
                await self._accept_all(streams, handler, context, untaken)
        finally:
            for sock in untaken:  # accepted, but cancelled before their task took them
                sock.close()

    async def _accept_all(
        self,
        streams: TaskGroup,
        handler: Handler,
        context: Callable[[], ssl.SSLContext | None],
        untaken: set[socket.socket],
    ) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, _ = await loop.sock_accept(self._socket)
            except OSError:  # out of file descriptors, most likely
                await asyncio.sleep(ACCEPT_PAUSE_S)
                continue
            if self._served >= SERVED_MAX:
                sock.close()
                continue
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._served += 1
            untaken.add(sock)
            streams.create_task(self._serve(sock, handler, context(), untaken))

    async def _serve(
        self,
        sock: socket.socket,
        handler: Handler,
        context: ssl.SSLContext | None,
        untaken: set[socket.socket],
    ) -> None:
        untaken.discard(sock)
        try:
            await self._shake_hands(sock, handler, context)
        finally:
            self._served -= 1

    async def _shake_hands(
        self, sock: socket.socket, handler: Handler, context: ssl.SSLContext | None
    ) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(loop=loop)
        lines = asyncio.StreamReaderProtocol(reader, loop=loop)
        try:
            transport, _ = await loop.connect_accepted_socket(
                lambda: lines,
                sock,
                ssl=context,
                ssl_handshake_timeout=None if context is None else HANDSHAKE_S,
                ssl_shutdown_timeout=None if context is None else HANG_UP_TIMEOUT_S,
            )
        except OSError:
            return
        writer = asyncio.StreamWriter(transport, lines, reader, loop)
        try:
            await handler(reader, writer)
        finally:
            await hang_up(writer)

    def close(self) -> None:
        self._socket.close()
