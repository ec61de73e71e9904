"""One UDP socket on the loop: takes in a little at a time, and never waits to send."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeAlias

from swarmpy.errors import InvalidInput, WrongState
from swarmpy.rpc.address import join_address, split_address

PACKETS_A_TURN: Final = 64
ENTRIES_A_TURN: Final = 200
"""So much is taken in before the loop does something else. Raised: timers are late, and a late
ack is a false suspicion; lowered: more turns for the same work."""
BUFFER_BYTES: Final = 1 << 20
"""Asked of the kernel in each direction: what waits while this process does something else."""
READ_BYTES: Final = 2048
"""More than any packet of ours."""

OnDatagram: TypeAlias = Callable[[bytes, tuple[str, int]], int]
"""Takes a packet and where it says it comes from; returns how many entries it held."""


class UdpSocket:
    """Bound from the start; hears between `open` and `close`."""

    def __init__(self, address: str) -> None:
        """Bind to host:port. Raises WrongState: it is taken, or not this machine's."""
        host, port = split_address(address)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            self._socket.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)
        try:
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise WrongState(
                f"cannot listen on {address} (UDP): {error.strerror}",
                remedy="stop what uses it, or give this node another --gossip-port",
            ) from error
        self.address: Final = join_address(host, self._socket.getsockname()[1])

    def open(self, on_datagram: OnDatagram) -> None:
        self._on_datagram = on_datagram
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._readable)

    def send(self, address: str, data: bytes) -> bool:
        """Give a packet to the kernel; False when it does not take it, or the address is none."""
        target = sockaddr(address)
        if target is None:
            return False
        try:
            self._socket.sendto(data, target)
        except OSError:  # its buffer is full, no route, a firewall: as if it was lost on the way
            return False
        return True

    def close(self) -> None:
        if self._socket.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()

    def _readable(self) -> None:
        """Take in what waits, up to a turn's worth; the loop calls again for the rest."""
        entries = 0
        for _ in range(PACKETS_A_TURN):
            try:
                data, source = self._socket.recvfrom(READ_BYTES)
            except OSError:  # nothing left, or the kernel tells of a packet that did not arrive
                return
            entries += self._on_datagram(data, source[:2])
            if entries >= ENTRIES_A_TURN or self._socket.fileno() < 0:
                return


@lru_cache(maxsize=32_768)
def sockaddr(address: str) -> tuple[str, int] | None:
    """Return host and port of "host:port"; None unless the host is an IP address: looking up a
    name would make everything wait.
    """
    try:
        host, port = split_address(address)
        ipaddress.ip_address(host)
    except (InvalidInput, ValueError):
        return None
    return (host, port) if port else None
