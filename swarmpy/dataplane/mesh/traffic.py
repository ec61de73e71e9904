"""Every TCP connection that is being carried, or looks for an endpoint."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Final

from swarmpy.dataplane.mesh.attempt import Attempt
from swarmpy.dataplane.mesh.balance import Balancer, Target
from swarmpy.dataplane.mesh.reactor import Reactor
from swarmpy.dataplane.mesh.relay import BUFFER_BYTES, Relay
from swarmpy.observe.metrics import MESH_CONNECTIONS, MESH_CONNECTIONS_OPEN

CONNECTIONS_MAX: Final = 8192
"""At once, two descriptors each; more wait in the kernel's backlog."""

_CARRIED: Final = MESH_CONNECTIONS.labels("carried")
_REFUSED: Final = MESH_CONNECTIONS.labels("no endpoint answered")


class Traffic:
    """Counts a target up while it has a connection, and down again."""

    def __init__(self, reactor: Reactor) -> None:
        self._reactor = reactor
        self._buffer = memoryview(bytearray(BUFFER_BYTES))
        self._open: set[Attempt | Relay] = set()
        self._when_idle: Callable[[], None] | None = None

    def full(self) -> bool:
        return len(self._open) >= CONNECTIONS_MAX

    def begin(self, client: socket.socket, balancer: Balancer) -> None:
        """Take over a client that was accepted."""
        attempt = Attempt(self._reactor, balancer, client, self._found)
        self._open.add(attempt)
        attempt.next()

    def when_idle(self, callback: Callable[[], None]) -> None:
        """Call back once nothing is carried any more."""
        self._when_idle = callback
        self._look_whether_idle()

    def abort(self) -> None:
        """End everything; both sides see a reset."""
        for connection in list(self._open):
            connection.abort()

    def _found(self, attempt: Attempt, server: socket.socket | None, target: Target | None) -> None:
        self._open.discard(attempt)
        if server is None or target is None:
            _REFUSED.inc()
            self._look_whether_idle()
            return
        _CARRIED.inc()
        MESH_CONNECTIONS_OPEN.inc()

        def ended(relay: Relay) -> None:
            target.open -= 1
            MESH_CONNECTIONS_OPEN.dec()
            self._open.discard(relay)
            self._look_whether_idle()

        relay = Relay(self._reactor, self._buffer, attempt.client, server, ended)
        self._open.add(relay)
        relay.start()

    def _look_whether_idle(self) -> None:
        if self._when_idle is not None and not self._open:
            self._when_idle()
