"""Accepts TCP connections at one published port."""

from __future__ import annotations

import errno
from typing import Final

from swarmpy.core.routing import Listener
from swarmpy.dataplane.mesh.balance import Balancer
from swarmpy.dataplane.mesh.ports import open_port
from swarmpy.dataplane.mesh.reactor import READABLE, Reactor
from swarmpy.dataplane.mesh.traffic import Traffic

BACKLOG: Final = 1024
ACCEPTS_PER_TURN: Final = 64
"""So that a flood of new connections leaves time for those that are open."""
PAUSE_S: Final = 0.1
"""Before accepting again when there are too many connections, or no descriptor left."""

_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class TcpListener:
    """One port. Without endpoints it is bound but does not listen, so the kernel refuses."""

    def __init__(
        self, reactor: Reactor, balancer: Balancer, host: str, listener: Listener, traffic: Traffic
    ) -> None:
        """Open the port. Raises OSError."""
        self.balancer = balancer
        self._reactor = reactor
        self._traffic = traffic
        self._host = host
        self._listener = listener
        self._listening = False
        self._sock = open_port(host, listener)

    def refresh(self) -> None:
        """Listen while there are endpoints. Raises OSError when the port was taken meanwhile."""
        wanted = len(self.balancer) > 0
        if wanted and not self._listening:
            self._sock.listen(BACKLOG)
            self._reactor.watch(self._sock.fileno(), READABLE, self._accept)
        elif self._listening and not wanted:
            self._reactor.unwatch(self._sock.fileno())
            self._sock.close()
            self._sock = open_port(self._host, self._listener)
        self._listening = wanted

    def close(self) -> None:
        """Give the port back at once; connections that are open go on."""
        self._listening = False
        self._reactor.unwatch(self._sock.fileno())
        self._sock.close()

    def _accept(self, _events: int) -> None:
        for _ in range(ACCEPTS_PER_TURN):
            if self._traffic.full():
                self._pause()
                return
            try:
                client, _ = self._sock.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._pause()
                    return
                continue  # that one client gave up before it was accepted
            client.setblocking(False)
            self._traffic.begin(client, self.balancer)

    def _pause(self) -> None:
        sock = self._sock
        self._reactor.unwatch(sock.fileno())

        def go_on() -> None:
            if self._listening and self._sock is sock:
                self._reactor.watch(sock.fileno(), READABLE, self._accept)

        self._reactor.later(PAUSE_S, go_on)
