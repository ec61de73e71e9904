"""Carries datagrams at one published port: each client keeps its endpoint while it speaks."""

from __future__ import annotations

import socket
import struct
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from swarmpy.core.routing import Listener
from swarmpy.dataplane.mesh.balance import Balancer, Target
from swarmpy.dataplane.mesh.ports import open_port
from swarmpy.dataplane.mesh.reactor import READABLE, Reactor

IDLE_S: Final = 30.0
"""A client that is silent for so long is forgotten. Longer keeps descriptors for nobody;
shorter moves clients with slow exchanges to another endpoint in the middle."""
SWEEP_S: Final = 5.0
CLIENTS_MAX: Final = 1024
"""For one port, a descriptor each. One more, and the longest silent is forgotten."""
DATAGRAMS_PER_TURN: Final = 64
DATAGRAM_MAX_BYTES: Final = 65_535

IP_PKTINFO: Final = 8  # linux/in.h; the socket module does not name it
_ANCILLARY_BYTES: Final = socket.CMSG_SPACE(20)

Client: TypeAlias = tuple[Any, bytes]
"""Where a client sends from, and the pktinfo of our address that it sends to: on a machine with
several addresses the answer must come from that very one."""


class Association:
    """One client and its endpoint."""

    __slots__ = ("last_s", "sock", "target")

    def __init__(self, sock: socket.socket, target: Target, now_s: float) -> None:
        self.sock = sock
        self.target = target
        self.last_s = now_s


class UdpListener:
    """One port."""

    def __init__(self, reactor: Reactor, balancer: Balancer, host: str, listener: Listener) -> None:
        """Open the port. Raises OSError."""
        self.balancer = balancer
        self._reactor = reactor
        self._buffer = memoryview(bytearray(DATAGRAM_MAX_BYTES))
        self._associations: OrderedDict[Client, Association] = OrderedDict()
        self._sock = open_port(host, listener)
        if self._sock.family == socket.AF_INET6:
            self._sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        else:
            self._sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        reactor.watch(self._sock.fileno(), READABLE, self._receive)
        self._timer = reactor.later(SWEEP_S, self._sweep)

    def refresh(self) -> None:
        """Let go of clients whose endpoint has left; their next datagram finds another."""
        for client, association in list(self._associations.items()):
            if association.target not in self.balancer:
                self._forget(client)

    def close(self) -> None:
        """Give the port back at once, and forget every client."""
        self._timer.cancel()
        for client in list(self._associations):
            self._forget(client)
        self._reactor.unwatch(self._sock.fileno())
        self._sock.close()

    def _receive(self, _events: int) -> None:
        for _ in range(DATAGRAMS_PER_TURN):
            try:
                length, ancillary, _, address = self._sock.recvmsg_into(
                    [self._buffer], _ANCILLARY_BYTES
                )
            except OSError:
                return
            client = (address, _own_address(ancillary))
            association = self._associations.get(client) or self._associate(client)
            if association is None:
                continue
            self._associations.move_to_end(client)
            association.last_s = self._reactor.now_s()
            try:
                association.sock.send(self._buffer[:length])
            except BlockingIOError:
                continue  # datagrams may be lost
            except OSError:
                self._refused(client, association)

    def _associate(self, client: Client) -> Association | None:
        now_s = self._reactor.now_s()
        target = self.balancer.pick(now_s)
        if target is None:
            return None
        if len(self._associations) >= CLIENTS_MAX:
            self._forget(next(iter(self._associations)))
        family = socket.AF_INET6 if len(target.address) == 4 else socket.AF_INET
        try:
            sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        except OSError:  # no file descriptor left
            return None
        association = Association(sock, target, now_s)
        target.open += 1
        self._associations[client] = association
        try:
            sock.connect(target.address)
        except OSError:
            self._reactor.retire(sock)
            self._refused(client, association)
            return None
        self._reactor.watch(sock.fileno(), READABLE, self._answerer(client, association))
        return association

    def _answerer(self, client: Client, association: Association) -> Callable[[int], None]:
        address, own_address = client
        if self._sock.family == socket.AF_INET6:
            ancillary = (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, own_address)
        else:
            ancillary = (socket.IPPROTO_IP, IP_PKTINFO, own_address)

        def answer(_events: int) -> None:
            for _ in range(DATAGRAMS_PER_TURN):
                try:
                    length = association.sock.recv_into(self._buffer)
                except BlockingIOError:
                    return
                except OSError:
                    self._refused(client, association)
                    return
                association.last_s = self._reactor.now_s()
                try:
                    self._sock.sendmsg([self._buffer[:length]], [ancillary], 0, address)
                except OSError:
                    continue  # datagrams may be lost

        return answer

    def _refused(self, client: Client, association: Association) -> None:
        self.balancer.refused(association.target, self._reactor.now_s())
        self._forget(client)

    def _forget(self, client: Client) -> None:
        association = self._associations.pop(client)
        association.target.open -= 1
        self._reactor.retire(association.sock)

    def _sweep(self) -> None:
        silent_since_s = self._reactor.now_s() - IDLE_S
        for client, association in list(self._associations.items()):
            if association.last_s <= silent_since_s:
                self._forget(client)
        self._timer = self._reactor.later(SWEEP_S, self._sweep)


def _own_address(ancillary: list[tuple[int, int, bytes]]) -> bytes:
    """Return the pktinfo to answer with: our address, and any interface."""
    for level, kind, data in ancillary:
        if level == socket.IPPROTO_IP and kind == IP_PKTINFO:
            _interface, own, _header = struct.unpack("i4s4s", data)
            return struct.pack("i4s4s", 0, own, bytes(4))
        if level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO:
            return data
    return b""
