"""Tasks that answer, clients that ask, and a clock, for tests of the mesh."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from swarmpy.core.routing import Endpoint, Listener, RoutingTable

HOST = "127.0.0.1"


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind((HOST, 0))
        port: int = sock.getsockname()[1]
        return port


def table(protocol: str, port: int, *endpoints: Endpoint) -> RoutingTable:
    return RoutingTable({Listener(protocol, port): endpoints})


@asynccontextmanager
async def tcp_task(name: str) -> AsyncIterator[Endpoint]:
    """Serve: say `name`, send back what comes, and end when the client has ended."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            writer.write(name.encode() + b"\n")
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    try:
        yield Endpoint(HOST, server.sockets[0].getsockname()[1], name)
    finally:
        server.close()


class UdpTask(asyncio.DatagramProtocol):
    """Answers each datagram with its name and the datagram."""

    def __init__(self, name: str) -> None:
        self._name = name.encode()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._transport.sendto(self._name + b" " + data, addr)


@asynccontextmanager
async def udp_task(name: str) -> AsyncIterator[Endpoint]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: UdpTask(name), local_addr=(HOST, 0))
    try:
        yield Endpoint(HOST, transport.get_extra_info("sockname")[1], name)
    finally:
        transport.close()


class Caller:
    """One TCP client connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port: int, host: str = HOST) -> "Caller":
        async with asyncio.timeout(5):
            return cls(*await asyncio.open_connection(host, port))

    async def name(self) -> str:
        """Return who answers. Raises ConnectionError when nobody does."""
        async with asyncio.timeout(5):
            line = await self.reader.readline()
        if not line:
            raise ConnectionError("ended without a name")
        return line.decode().strip()

    async def echo(self, data: bytes) -> bytes:
        self.writer.write(data)
        async with asyncio.timeout(5):
            return await self.reader.readexactly(len(data))

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


async def who(port: int, host: str = HOST) -> str:
    """Return who answers a new connection."""
    caller = await Caller.connect(port, host)
    try:
        return await caller.name()
    finally:
        await caller.close()
