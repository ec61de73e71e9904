"""Opens the sockets of published ports, and says in words why one cannot be opened."""

from __future__ import annotations

import errno
import socket
import struct
from typing import Final

from swarmpy.core.routing import Listener
from swarmpy.dataplane.mesh.reactor import Reactor

KEEPALIVE_IDLE_S: Final = 30
KEEPALIVE_INTERVAL_S: Final = 10
KEEPALIVE_PROBES: Final = 3
"""A host that died without a word is noticed after 30 + 3 x 10 s of silence."""
SILENCE_MAX_MS: Final = 60_000
"""How long sent bytes may go unacknowledged."""

_RESET: Final = struct.pack("ii", 1, 0)


def open_port(host: str, listener: Listener) -> socket.socket:
    """Return a bound, non-blocking socket; TCP does not listen yet. Raises OSError."""
    kind = socket.SOCK_DGRAM if listener.protocol == "udp" else socket.SOCK_STREAM
    sock = socket.socket(family_of(host), kind)
    try:
        sock.setblocking(False)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tune(sock)  # accepted connections inherit this from the listening socket
        sock.bind((host, listener.port))
    except OSError:
        sock.close()
        raise
    return sock


def tune(sock: socket.socket) -> None:
    """Let small writes go at once, and notice when the other host is gone."""
    tcp = socket.IPPROTO_TCP
    sock.setsockopt(tcp, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(tcp, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_S)
    sock.setsockopt(tcp, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S)
    sock.setsockopt(tcp, socket.TCP_KEEPCNT, KEEPALIVE_PROBES)
    sock.setsockopt(tcp, socket.TCP_USER_TIMEOUT, SILENCE_MAX_MS)


def family_of(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def close_with_reset(sock: socket.socket, reactor: Reactor) -> None:
    """Close so that the other end sees an error, not the end of a complete answer."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    reactor.retire(sock)


def why_not(listener: Listener, host: str, error: OSError) -> str:
    """Return one line for people about a port that did not open."""
    port = f"port {listener.port}/{listener.protocol}"
    match error.errno:
        case errno.EADDRINUSE:
            return f"{port} is in use by another program"
        case errno.EACCES | errno.EPERM:
            return f"{port} needs root, or the capability CAP_NET_BIND_SERVICE"
        case errno.EADDRNOTAVAIL:
            return f"{port} cannot be opened: {host} is no address of this machine"
        case errno.EMFILE | errno.ENFILE:
            return f"{port} cannot be opened: too many files are open (ulimit -n)"
        case _:
            return f"{port} cannot be opened: {error.strerror}"
