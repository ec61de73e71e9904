"""Addresses of loopback that are free for datagrams and streams alike."""

from __future__ import annotations

import itertools
import os
import socket

_HOSTS = itertools.count()


def free_address() -> str:
    """Return host:port; TCP and UDP of the port are free.

    The host is one that no outgoing connection of this machine takes its own port from, so it
    stays free until it is used.
    """
    number = next(_HOSTS)
    host = f"127.{64 + os.getpid() % 128}.{number // 200 % 200}.{1 + number % 200}"
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
