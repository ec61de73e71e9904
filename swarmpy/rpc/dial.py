"""Opens TLS connections to cluster ports, and closes them without leaving anything behind."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from typing import Final

from swarmpy.errors import Unavailable
from swarmpy.rpc.address import split_address

DIAL_TIMEOUT_S: Final = 5.0
HANG_UP_TIMEOUT_S: Final = 1.0

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def open_tls(
    address: str, context: ssl.SSLContext, protocol: str, server_name: str | None
) -> Streams:
    """Connect, shake hands, and agree on `protocol`.

    Raises:
        Unavailable: within 5 s nobody answers, or somebody else, or in another protocol.
    """
    host, port = split_address(address)
    try:
        async with asyncio.timeout(DIAL_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(
                host,
                port,
                ssl=context,
                server_hostname=server_name or "",
                ssl_shutdown_timeout=HANG_UP_TIMEOUT_S,
            )
    except TimeoutError as error:
        raise _unavailable(address, f"no answer within {DIAL_TIMEOUT_S:g} s") from error
    except ssl.SSLCertVerificationError as error:
        raise _unavailable(address, f"somebody else answers: {error.verify_message}") from error
    except OSError as error:
        raise _unavailable(address, _words(error)) from error
    tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
    if tls.selected_alpn_protocol() != protocol:
        await hang_up(writer)
        raise _unavailable(address, f"it does not speak {protocol}")
    return reader, writer


def _words(error: OSError) -> str:
    """Return the system's words: asyncio's own repeat the address as a Python tuple."""
    if error.errno is None or isinstance(error, socket.gaierror):
        return error.strerror or str(error)
    return os.strerror(error.errno)


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Close a connection and return when it is gone, within a second."""
    writer.close()
    try:
        async with asyncio.timeout(HANG_UP_TIMEOUT_S):
            await writer.wait_closed()
    except (OSError, TimeoutError):
        writer.transport.abort()


def _unavailable(address: str, why: str) -> Unavailable:
    return Unavailable(
        f"cannot connect to {address}: {why}",
        remedy="check the address, and that the node's cluster port is open to this one",
    )
