"""Finds one client an endpoint that answers."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import Final

from swarmpy.dataplane.mesh.balance import Balancer, Target
from swarmpy.dataplane.mesh.ports import close_with_reset, tune
from swarmpy.dataplane.mesh.reactor import WRITABLE, Reactor, Timer

TRIES: Final = 3
"""Endpoints, one after the other, for one connection."""
CONNECT_TIMEOUT_S: Final = 2.0


class Attempt:
    """One client's way to an endpoint. The client is not read before one has answered."""

    __slots__ = ("_balancer", "_on_end", "_pending", "_reactor", "_tried", "client")

    def __init__(
        self,
        reactor: Reactor,
        balancer: Balancer,
        client: socket.socket,
        on_end: Callable[[Attempt, socket.socket | None, Target | None], None],
    ) -> None:
        """Take over `client`; `on_end` gets it back, connected to what it is told or closed."""
        self.client = client
        self._reactor = reactor
        self._balancer = balancer
        self._on_end = on_end
        self._tried: list[Target] = []
        self._pending: tuple[socket.socket, Target, Timer] | None = None

    def next(self) -> None:
        """Connect to an endpoint that was not tried; give up after three, or when none is left."""
        while len(self._tried) < TRIES:
            target = self._balancer.pick(self._reactor.now_s(), self._tried)
            if target is None:
                break
            self._tried.append(target)
            if self._connect(target):
                return
            self._balancer.refused(target, self._reactor.now_s())
        self._give_up()

    def abort(self) -> None:
        """Give up now."""
        self._drop_pending()
        self._give_up()

    def _connect(self, target: Target) -> bool:
        """Begin to connect; False when that fails at once."""
        family = socket.AF_INET6 if len(target.address) == 4 else socket.AF_INET
        try:
            server = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        except OSError:  # no file descriptor left
            return False
        tune(server)
        if server.connect_ex(target.address) not in {0, errno.EINPROGRESS}:
            server.close()
            return False
        target.open += 1
        timer = self._reactor.later(CONNECT_TIMEOUT_S, self._failed)
        self._pending = (server, target, timer)
        self._reactor.watch(server.fileno(), WRITABLE, self._answered)
        return True

    def _answered(self, _events: int) -> None:
        assert self._pending is not None, "only a pending connect is watched"
        server, target, timer = self._pending
        if server.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._failed()
            return
        timer.cancel()
        self._on_end(self, server, target)

    def _failed(self) -> None:
        target = self._drop_pending()
        if target is not None:
            self._balancer.refused(target, self._reactor.now_s())
        self.next()

    def _drop_pending(self) -> Target | None:
        if self._pending is None:
            return None
        server, target, timer = self._pending
        self._pending = None
        timer.cancel()
        target.open -= 1
        self._reactor.retire(server)
        return target

    def _give_up(self) -> None:
        close_with_reset(self.client, self._reactor)
        self._on_end(self, None, None)
