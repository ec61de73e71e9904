"""Opens TLS connections to cluster ports, and closes them without leaving anything behind."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from typing import Final

from swarmpy.errors import Unavailable
from swarmpy.rpc.address import split_address
from swarmpy.rpc.tls_transport import TlsTransport, shake_hands

DIAL_TIMEOUT_S: Final = 5.0
HANG_UP_TIMEOUT_S: Final = 1.0


async def open_tls(
    address: str, context: ssl.SSLContext, protocol: str, server_name: str | None
) -> TlsTransport:
    """Connect, shake hands, and agree on `protocol`; `hang_up` in the end.

    Raises:
        Unavailable: within 5 s nobody answers, or somebody else, or in another protocol.
    """
    host, port = split_address(address)
    try:
        async with asyncio.timeout(DIAL_TIMEOUT_S):
            sock = await _connect(host, port)
            transport = await shake_hands(sock, context, server_name=server_name)
    except TimeoutError as error:
        raise _unavailable(address, f"no answer within {DIAL_TIMEOUT_S:g} s") from error
    except ssl.SSLCertVerificationError as error:
        raise _unavailable(address, f"somebody else answers: {error.verify_message}") from error
    except OSError as error:
        raise _unavailable(address, _words(error)) from error
    tls: ssl.SSLObject = transport.get_extra_info("ssl_object")
    if tls.selected_alpn_protocol() != protocol:
        await hang_up(transport)
        raise _unavailable(address, f"it does not speak {protocol}")
    return transport


async def _connect(host: str, port: int) -> socket.socket:
    """Try every address of a host in turn. Raises the last one's OSError."""
    loop = asyncio.get_running_loop()
    failure = OSError(f"{host} has no address")
    for family, kind, number, _, where in await loop.getaddrinfo(
        host, port, type=socket.SOCK_STREAM
    ):
        sock = socket.socket(family, kind, number)
        try:
            sock.setblocking(False)
            without_delay(sock)
            await loop.sock_connect(sock, where)
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failure


def without_delay(sock: socket.socket) -> None:
    """Let small frames go at once. Otherwise one waits for the other end's delayed
    acknowledgement of the frame before: 40 ms.
    """
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _words(error: OSError) -> str:
    """Return the system's words: asyncio's own repeat the address as a Python tuple."""
    if error.errno is None or isinstance(error, socket.gaierror):
        return error.strerror or str(error)
    return os.strerror(error.errno)


async def hang_up(connection: asyncio.StreamWriter | TlsTransport) -> None:
    """Close a connection and return when it is gone, within a second."""
    connection.close()
    try:
        async with asyncio.timeout(HANG_UP_TIMEOUT_S):
            await connection.wait_closed()
    except (OSError, TimeoutError):
        if isinstance(connection, asyncio.StreamWriter):
            connection.transport.abort()
        else:
            connection.abort()


def _unavailable(address: str, why: str) -> Unavailable:
    return Unavailable(
        f"cannot connect to {address}: {why}",
        remedy="check the address, and that the node's cluster port is open to this one",
    )
