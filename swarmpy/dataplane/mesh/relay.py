"""Carries bytes both ways between two connected TCP sockets until both have ended.

Reading stops while the other side has not taken what was read, so a slow reader slows the
writer down and at most one buffer a direction waits here. Bytes are copied through one
buffer for the whole thread: on this path that costs no more than splice(2) and needs no pipe.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Final

from swarmpy.dataplane.mesh.ports import close_with_reset
from swarmpy.dataplane.mesh.reactor import READABLE, WRITABLE, Reactor

BUFFER_BYTES: Final = 64 * 1024
"""Read at once, and what a stalled connection may hold in memory. More is no faster."""


class Side:
    """One of the two sockets: what it still has to say, and what still has to be said to it."""

    __slots__ = ("fd", "said_all", "sock", "told_all", "waiting", "watched")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.fd = sock.fileno()
        self.waiting = b""
        """Read from the other side, not yet taken by this one."""
        self.said_all = False
        """It has ended its half; nothing more comes from it."""
        self.told_all = False
        """The other's end was passed on to it."""
        self.watched = 0
        """Events that the reactor waits for."""


class Relay:
    """One carried connection."""

    __slots__ = ("_buffer", "_client", "_on_end", "_reactor", "_server")

    def __init__(
        self,
        reactor: Reactor,
        buffer: memoryview,
        client: socket.socket,
        server: socket.socket,
        on_end: Callable[[Relay], None],
    ) -> None:
        """Take over both sockets, whoever watches them; `buffer` is shared by all relays."""
        self._reactor = reactor
        self._buffer = buffer
        self._client = Side(client)
        self._server = Side(server)
        self._on_end = on_end

    def start(self) -> None:
        """Begin to carry. The client has mostly spoken already: look there first."""
        self._watch(self._client, self._server)
        self._watch(self._server, self._client)
        self._ready(self._client, self._server, READABLE)

    def abort(self) -> None:
        """Reset both connections: neither side may take this for a proper end."""
        for side in (self._client, self._server):
            close_with_reset(side.sock, self._reactor)
        self._on_end(self)

    def _ready(self, side: Side, other: Side, events: int) -> None:
        """Move what can be moved now that `side` is ready."""
        try:
            if side.waiting and events & ~READABLE:
                self._flush(side)
            if not side.said_all and not other.waiting and events & ~WRITABLE:
                self._carry(side, other)
            if other.said_all and not side.waiting and not side.told_all:
                self._tell_end(side)
            if side.said_all and not other.waiting and not other.told_all:
                self._tell_end(other)
        except OSError:
            self.abort()
            return
        if side.told_all and other.told_all:
            self._end()
            return
        self._settle(side, other)
        self._settle(other, side)

    def _carry(self, side: Side, other: Side) -> None:
        try:
            length = side.sock.recv_into(self._buffer)
        except BlockingIOError:
            return
        if not length:
            side.said_all = True
            return
        try:
            sent = other.sock.send(self._buffer[:length])
        except BlockingIOError:
            sent = 0
        if sent < length:
            other.waiting = bytes(self._buffer[sent:length])

    def _flush(self, side: Side) -> None:
        try:
            sent = side.sock.send(side.waiting)
        except BlockingIOError:
            return
        side.waiting = side.waiting[sent:]

    def _tell_end(self, side: Side) -> None:
        side.sock.shutdown(socket.SHUT_WR)
        side.told_all = True

    def _settle(self, side: Side, other: Side) -> None:
        """Wait for exactly what can be used; for nothing by not watching at all, because a
        hang-up is reported to whoever watches, wanted or not.
        """
        wanted = WRITABLE if side.waiting else 0
        if not side.said_all and not other.waiting:
            wanted |= READABLE
        if wanted == side.watched:
            return
        if not wanted:
            self._reactor.unwatch(side.fd)
        else:
            self._watch(side, other, wanted)
        side.watched = wanted

    def _watch(self, side: Side, other: Side, events: int = READABLE) -> None:
        side.watched = events
        self._reactor.watch(side.fd, events, lambda ready: self._ready(side, other, ready))

    def _end(self) -> None:
        self._reactor.retire(self._client.sock)
        self._reactor.retire(self._server.sock)
        self._on_end(self)
