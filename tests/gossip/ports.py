"""Addresses of loopback that are free for datagrams and streams alike."""

from __future__ import annotations

import socket


def free_address(host: str = "127.0.0.1") -> str:
    """Return host:port; TCP and UDP of the port are free at this moment."""
    for _ in range(100):
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagram:
            stream.bind((host, 0))
            port = stream.getsockname()[1]
            try:
                datagram.bind((host, port))
            except OSError:
                continue
            return f"{host}:{port}"
    raise AssertionError("no port is free")
