"""A cluster port without TLS, for tests on real sockets: the caller says its name first."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from swarmpy.errors import Unavailable
from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER, NodeRole
from swarmpy.rpc.address import split_address
from swarmpy.rpc.peer import Peer

Handler = Callable[[asyncio.Transport, Peer | None], Awaitable[None]]


class _Unread(asyncio.Protocol):
    """Keeps a new transport from reading."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()


class LoopbackPort:
    """Implements `tls_network.ClusterPort`; believes whoever calls."""

    def __init__(self, node_id: str, role: NodeRole.ValueType = NODE_ROLE_MANAGER) -> None:
        self._node_id = node_id
        self._role = role
        self._handlers: dict[str, Handler] = {}
        self.dialled = 0

    def register(self, protocol: str, handler: Handler, /) -> None:
        self._handlers[protocol] = handler

    async def dial(self, address: str, protocol: str, expected_node_id: str) -> asyncio.Transport:
        self.dialled += 1
        try:
            transport, _ = await asyncio.get_running_loop().create_connection(
                _Unread, *split_address(address)
            )
        except OSError as error:
            raise Unavailable(f"{expected_node_id} does not answer at {address}") from error
        transport.write(f"{protocol} {self._node_id} {self._role}\n".encode())
        return transport

    @asynccontextmanager
    async def listening(self, port: int = 0) -> AsyncIterator[str]:
        """Serve for the length of a block; gives the address."""
        with socket.create_server(("127.0.0.1", port)) as listener:
            listener.setblocking(False)
            host, bound = listener.getsockname()
            async with asyncio.TaskGroup() as tasks:
                accepting = tasks.create_task(self._accept(listener))
                try:
                    yield f"{host}:{bound}"
                finally:
                    accepting.cancel()

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as serving:
            while True:
                sock, _ = await loop.sock_accept(listener)
                serving.create_task(self._serve(sock))

    async def _serve(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        sock.setblocking(False)
        line = b""
        while not line.endswith(b"\n"):
            letter = await loop.sock_recv(sock, 1)
            if not letter:
                sock.close()
                return
            line += letter
        protocol, node_id, role = line.decode().split()
        transport, _ = await loop.connect_accepted_socket(_Unread, sock)
        try:
            peer = Peer(node_id, NodeRole.ValueType(int(role)), "cluster")
            await self._handlers[protocol](transport, peer)
        finally:
            transport.close()
