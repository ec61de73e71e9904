"""TLS on a socket as an asyncio transport, in one layer: bytes that arrive are with the protocol
in the same turn of the loop, and what is written is on the socket when `write` returns.

asyncio's own has two transports and two protocols on each other, which cost more than the
cryptography. One that is new here does not read yet: whoever takes it sets its protocol, then
calls `resume_reading`.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

READ_BYTES: Final = 64 << 10
"""Taken from the socket at once."""
RECORD_BYTES: Final = 16 << 10
"""The most that TLS has in one record."""
PAUSE_BYTES: Final = 64 << 10
"""More than this waiting to be sent, and the protocol is asked to pause."""


async def shake_hands(
    sock: socket.socket,
    context: ssl.SSLContext,
    *,
    server_side: bool = False,
    server_name: str | None = None,
) -> TlsTransport:
    """Return a transport once both ends have agreed; the socket is non-blocking and connected.

    The socket is closed when this raises or is cancelled.

    Raises:
        OSError: the other end hung up, or is not to be trusted (ssl.SSLError).
    """
    loop = asyncio.get_running_loop()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        tls = context.wrap_bio(
            incoming, outgoing, server_side=server_side, server_hostname=server_name or None
        )
        while not _has_shaken_hands(tls):
            await loop.sock_sendall(sock, outgoing.read())
            incoming.write(await _some_of(sock))
        await loop.sock_sendall(sock, outgoing.read())
        return TlsTransport(sock, tls, incoming, outgoing)
    except BaseException:
        _send_last(sock, outgoing.read())  # an alert that says why
        sock.close()
        raise


class TlsTransport(asyncio.Transport):
    """`close` sends what waits; `abort` does not. Made by `shake_hands`."""

    def __init__(
        self,
        sock: socket.socket,
        tls: ssl.SSLObject,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
    ) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self._tls = tls
        self._incoming, self._outgoing = incoming, outgoing
        self._protocol: asyncio.Protocol = asyncio.Protocol()
        self._received = memoryview(bytearray(READ_BYTES))
        self._waiting = bytearray()
        """Sealed, and not taken by the socket yet."""
        self._reads = False
        self._closing = False
        self._asked_to_pause = False
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._facts = {
            "socket": sock,
            "ssl_object": tls,
            "sslcontext": tls.context,
            "peername": _name_of(sock),
        }

    # --- asyncio.Transport

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._facts.get(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, asyncio.Protocol)
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def is_reading(self) -> bool:
        return self._reads

    def pause_reading(self) -> None:
        if self._reads:
            self._reads = False
            self._loop.remove_reader(self._sock)

    def resume_reading(self) -> None:
        if not self._reads and not self._closing:
            self._reads = True
            self._loop.add_reader(self._sock, self._read_ready)
            self._loop.call_soon(self._open_received)  # came along with the handshake

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Seal and send; what the socket does not take now is sent later."""
        if self._closing:
            return
        rest = memoryview(data)
        while rest:
            rest = rest[self._tls.write(rest) :]
        self._send_sealed()

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return len(self._waiting)

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if self._closing:
            return
        self.pause_reading()
        self._closing = True
        if not self._waiting:
            self._say_goodbye()

    def abort(self) -> None:
        self._end_soon(None)

    async def wait_closed(self) -> None:
        """Return when the socket is closed and the protocol knows."""
        await asyncio.shield(self._ended)

    # --- in

    def _read_ready(self) -> None:
        try:
            count = self._sock.recv_into(self._received)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._end_soon(error)
            return
        if count:
            self._incoming.write(self._received[:count])
            self._open_received()
        else:
            self._hear_end()

    def _open_received(self) -> None:
        """Pass on what is there. When the protocol raises, that is the end."""
        if not self._reads:
            return
        pieces: list[bytes] = []
        failure: OSError | None = None
        is_over = False
        try:
            while not is_over and (self._incoming.pending or self._tls.pending()):
                pieces.append(self._tls.read(RECORD_BYTES))
                is_over = not pieces[-1]
        except ssl.SSLWantReadError:
            pass  # the rest of a record is on its way
        except OSError as error:
            failure = error
        if self._outgoing.pending:
            self._send_sealed()
        self._pass_on(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        if failure is not None:
            self._end_soon(failure)
        elif is_over:
            self._hear_end()

    def _pass_on(self, data: bytes) -> None:
        if not data:
            return
        is_well = False
        try:
            self._protocol.data_received(data)
            is_well = True
        finally:
            if not is_well:
                self.abort()

    def _hear_end(self) -> None:
        if not self._closing:
            self._protocol.eof_received()
            self.close()

    # --- out

    def _send_sealed(self) -> None:
        sealed = self._outgoing.read()
        if self._waiting:
            self._waiting += sealed
            self._pace()
            return
        try:
            sent = self._sock.send(sealed)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            self._end_soon(error)
            return
        if sent < len(sealed):
            self._waiting += memoryview(sealed)[sent:]
            self._loop.add_writer(self._sock, self._write_ready)
            self._pace()

    def _write_ready(self) -> None:
        try:
            sent = self._sock.send(self._waiting)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._end_soon(error)
            return
        del self._waiting[:sent]
        self._pace()
        if not self._waiting:
            self._loop.remove_writer(self._sock)
            if self._closing:
                self._say_goodbye()

    def _pace(self) -> None:
        """Ask the protocol to pause while much waits, and to go on when nothing does."""
        if not self._asked_to_pause and len(self._waiting) > PAUSE_BYTES:
            self._asked_to_pause = True
            self._protocol.pause_writing()
        elif self._asked_to_pause and not self._waiting:
            self._asked_to_pause = False
            self._protocol.resume_writing()

    # --- the end

    def _say_goodbye(self) -> None:
        """Tell the other end that this was all. Its own goodbye is not waited for."""
        with suppress(OSError):
            self._tls.unwrap()
        _send_last(self._sock, self._outgoing.read())
        self._end_soon(None)

    def _end_soon(self, error: OSError | None) -> None:
        """Let go of the socket now, and tell the protocol in the next turn."""
        self.pause_reading()
        self._closing = True
        if self._sock.fileno() < 0:
            return
        self._loop.remove_writer(self._sock)
        self._waiting.clear()
        self._sock.close()
        self._loop.call_soon(self._tell_end, error)

    def _tell_end(self, error: OSError | None) -> None:
        if not self._ended.done():
            self._ended.set_result(None)
        self._protocol.connection_lost(error)


def _has_shaken_hands(tls: ssl.SSLObject) -> bool:
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


async def _some_of(sock: socket.socket) -> bytes:
    data = await asyncio.get_running_loop().sock_recv(sock, READ_BYTES)
    if not data:
        raise ConnectionResetError("the other end hung up during the handshake")
    return data


def _send_last(sock: socket.socket, data: bytes) -> None:
    """Send a few bytes if that is possible now: nobody waits for them."""
    with suppress(OSError):
        sock.send(data)


def _name_of(sock: socket.socket) -> Any:
    try:
        return sock.getpeername()
    except OSError:  # it has gone already
        return None
