"""A cluster port without TLS, for tests on real sockets: the caller says its name first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from swarmpy.errors import Unavailable
from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER, NodeRole
from swarmpy.rpc.address import split_address
from swarmpy.rpc.dial import hang_up
from swarmpy.rpc.peer import Peer

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter, Peer | None], Awaitable[None]]


class LoopbackPort:
    """Implements `tls_network.ClusterPort`; believes whoever calls."""

    def __init__(self, node_id: str, role: NodeRole.ValueType = NODE_ROLE_MANAGER) -> None:
        self._node_id = node_id
        self._role = role
        self._handlers: dict[str, Handler] = {}
        self._serving: set[asyncio.Task[None]] = set()
        self.dialled = 0

    def register(self, protocol: str, handler: Handler, /) -> None:
        self._handlers[protocol] = handler

    async def dial(
        self, address: str, protocol: str, expected_node_id: str
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self.dialled += 1
        try:
            reader, writer = await asyncio.open_connection(*split_address(address))
        except OSError as error:
            raise Unavailable(f"{expected_node_id} does not answer at {address}") from error
        writer.write(f"{protocol} {self._node_id} {self._role}\n".encode())
        return reader, writer

    @asynccontextmanager
    async def listening(self, port: int = 0) -> AsyncIterator[str]:
        """Serve for the length of a block; gives the address."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", port)
        host, bound = server.sockets[0].getsockname()
        try:
            yield f"{host}:{bound}"
        finally:
            server.close()
            for task in self._serving:
                task.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            protocol, node_id, role = (await reader.readline()).decode().split()
            peer = Peer(node_id, NodeRole.ValueType(int(role)), "cluster")
            await self._handlers[protocol](reader, writer, peer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._serving.discard(task)
            await hang_up(writer)
