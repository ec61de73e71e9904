"""TLS in one layer: what is written arrives whole and in order, and every end is told."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from swarmpy.rpc.tls_transport import PAUSE_BYTES, TlsTransport, shake_hands
from swarmpy.security.certificates import node_name
from swarmpy.security.tls_context import client_context, server_context
from tests.security.certificate_makers import node

SERVER, CLIENT = node("server1"), node("client1")
PROTOCOL = "test/1"


class Ear(asyncio.Protocol):
    """What a protocol hears of its transport."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.said: list[str] = []
        self.error: Exception | None = None

    def data_received(self, data: bytes) -> None:
        self.data += data

    def pause_writing(self) -> None:
        self.said.append("pause")

    def resume_writing(self) -> None:
        self.said.append("go on")

    def eof_received(self) -> None:
        self.said.append("eof")

    def connection_lost(self, exc: Exception | None) -> None:
        self.said.append("lost")
        self.error = exc


def listen(transport: TlsTransport, ear: Ear) -> Ear:
    transport.set_protocol(ear)
    transport.resume_reading()
    return ear


@asynccontextmanager
async def both_ends() -> AsyncIterator[tuple[TlsTransport, TlsTransport]]:
    left, right = socket.socketpair()
    for end in (left, right):
        end.setblocking(False)
    one, other = await asyncio.gather(
        shake_hands(left, server_context(SERVER, [PROTOCOL]), server_side=True),
        shake_hands(right, client_context(CLIENT, PROTOCOL), server_name=node_name("server1")),
    )
    try:
        yield one, other
    finally:
        for transport in (one, other):
            transport.abort()
            await transport.wait_closed()


async def turns(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def until_heard(ear: Ear, size: int) -> None:
    async with asyncio.timeout(5):
        while len(ear.data) < size:
            await asyncio.sleep(0)


@pytest.mark.parametrize("size", [1, 16_384, 16_385, 3_000_000])
async def test_what_is_written_arrives_whole_and_in_order(size: int) -> None:
    async with both_ends() as (one, other):
        ear = listen(other, Ear())
        sent = bytes(range(256)) * (size // 256 + 1)
        one.write(sent[:size])
        one.write(b"and more")
        await until_heard(ear, size + 8)
        assert ear.data == sent[:size] + b"and more"


async def test_what_comes_before_somebody_reads_is_kept() -> None:
    async with both_ends() as (one, other):
        one.write(b"early")
        await turns()
        ear = listen(other, Ear())
        await until_heard(ear, 5)


async def test_whoever_writes_more_than_is_read_is_asked_to_pause() -> None:
    async with both_ends() as (one, other):
        writer = listen(one, Ear())
        while one.get_write_buffer_size() <= PAUSE_BYTES:
            one.write(bytes(PAUSE_BYTES))
        assert writer.said == ["pause"]
        listen(other, Ear())
        async with asyncio.timeout(5):
            while writer.said != ["pause", "go on"]:
                await asyncio.sleep(0)
        assert one.get_write_buffer_size() == 0


async def test_closing_sends_what_waits_first() -> None:
    async with both_ends() as (one, other):
        writer, sent = listen(one, Ear()), 0
        while not one.get_write_buffer_size():
            one.write(bytes(PAUSE_BYTES))
            sent += PAUSE_BYTES
        one.close()
        one.write(b"too late")
        ear = listen(other, Ear())
        await until_heard(ear, sent)
        await one.wait_closed()
        await other.wait_closed()
        await turns()
        assert (len(ear.data), ear.said, ear.error) == (sent, ["eof", "lost"], None)
        assert writer.said[-1] == "lost"


async def test_aborting_tells_both_ends_once() -> None:
    async with both_ends() as (one, other):
        ears = [listen(transport, Ear()) for transport in (one, other)]
        one.abort()
        one.abort()
        await other.wait_closed()
        await turns()
        assert [ear.said for ear in ears] == [["lost"], ["eof", "lost"]]


async def test_a_byte_that_was_changed_ends_the_connection() -> None:
    async with both_ends() as (one, other):
        ear = listen(other, Ear())
        one.get_extra_info("socket").send(b"\x17\x03\x03\x00\x20" + bytes(32))
        await other.wait_closed()
        await turns()
        assert isinstance(ear.error, ssl.SSLError)


async def test_a_protocol_that_fails_ends_the_connection() -> None:
    class Broken(Ear):
        def data_received(self, data: bytes) -> None:
            raise AssertionError("a bug")

    told: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: told.append(context["exception"]))
    async with both_ends() as (one, other):
        listen(other, Broken())
        one.write(b"x")
        await other.wait_closed()
    assert len(told) == 1
    assert isinstance(told[0], AssertionError)


async def test_whoever_hangs_up_in_a_handshake_is_told_apart() -> None:
    left, right = socket.socketpair()
    left.setblocking(False)
    right.close()
    with pytest.raises(OSError, match=r"hung up|reset|Broken pipe"):
        await shake_hands(left, server_context(SERVER, [PROTOCOL]), server_side=True)
    assert left.fileno() < 0
