"""Reads "host:port", the one way addresses are written in SwarmPy."""

from __future__ import annotations

from swarmpy.errors import InvalidInput

SOCKET_PATH_MAX_BYTES = 107
"""Of a Unix socket: sockaddr_un has room for no more."""


def split_address(address: str) -> tuple[str, int]:
    """Return host and port; an IPv6 host stands in brackets: "[::1]:4242".

    Raises:
        InvalidInput: it is written differently.
    """
    host, colon, port = address.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        host = ""
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise InvalidInput(
            f"{address!r} is not an address", remedy='write it as "host:port" or "[ipv6]:port"'
        )
    return host, int(port)


def join_address(host: str, port: int) -> str:
    """Return "host:port", with brackets where `host` is an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
