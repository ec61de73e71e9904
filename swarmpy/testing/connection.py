"""One connection in memory: what is sent arrives in order, or nothing more does."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

WAITING_LIMIT = 10_000
"""Messages on their way in one direction; a sender that has filled it is told so."""


class Route(Protocol):
    """What a connection asks of the network it runs over."""

    def passes(self, source: str, target: str) -> bool: ...

    def delay_s(self, source: str, target: str) -> float: ...

    def forget(self, connection: Connection) -> None: ...


class Socket:
    """One end of a connection."""

    def __init__(self, connection: Connection, local: str, remote: str) -> None:
        self.local = local
        self.remote = remote
        self.on_message: Callable[[Any], None] = lambda _message: None
        self.on_close: Callable[[], None] = lambda: None
        """Called once, unless this end itself closed: the other end closed, or it broke."""
        self._connection = connection

    def send(self, message: Any) -> bool:
        """Send; False when the connection is over or WAITING_LIMIT messages are under way."""
        return self._connection.send(self, message)

    def close(self) -> None:
        """Close: the other end hears so after everything that was sent before."""
        self._connection.close(self)


class Connection:
    """Two sockets and what is under way between them."""

    def __init__(self, route: Route, local: str, remote: str) -> None:
        self.hosts = (local, remote)
        self.sockets = (Socket(self, local, remote), Socket(self, remote, local))
        self._route = route
        self._open = dict.fromkeys(self.sockets)
        """Ends that have neither closed nor been told that it is over."""
        self._pipes = {
            self.sockets[0]: _Pipe(route, self.hosts),
            self.sockets[1]: _Pipe(route, self.hosts[::-1]),
        }

    def send(self, sender: Socket, message: Any) -> bool:
        pipe = self._pipes[sender]
        if sender not in self._open or len(pipe) >= WAITING_LIMIT:
            return False
        pipe.put(lambda: self._receive(self._other(sender), message))
        return True

    def close(self, closer: Socket) -> None:
        if closer in self._open:
            del self._open[closer]
            self._pipes[closer].put(lambda: self._end(self._other(closer)))

    def break_off(self) -> None:
        """Tell both ends that it is over; nothing that is under way arrives any more."""
        for pipe in self._pipes.values():
            pipe.stop()
        for socket in list(self._open):
            self._end(socket)
        self._route.forget(self)

    def lose(self, host: str) -> None:
        """Let the end on `host` vanish without a word."""
        for socket in self.sockets:
            if socket.local == host:
                self._open.pop(socket, None)

    def flush(self) -> None:
        """Send on what a cut held back."""
        for pipe in self._pipes.values():
            pipe.flush()

    def _other(self, socket: Socket) -> Socket:
        return self.sockets[1] if socket is self.sockets[0] else self.sockets[0]

    def _receive(self, socket: Socket, message: Any) -> None:
        if socket in self._open:
            socket.on_message(message)

    def _end(self, socket: Socket) -> None:
        if socket in self._open:
            del self._open[socket]
            socket.on_close()
        if not self._open:
            self._route.forget(self)


class _Pipe:
    """One direction. A timer says that a message arrives, the queue says which it is: so
    messages keep their order whatever their delays.
    """

    def __init__(self, route: Route, hosts: tuple[str, str]) -> None:
        self._route = route
        self._hosts = hosts
        self._queue: deque[Callable[[], None]] = deque()
        self._timers = 0
        self._last_at_s = 0.0
        self._stopped = False

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, deliver: Callable[[], None]) -> None:
        if not self._stopped:
            self._queue.append(deliver)
            self.flush()

    def stop(self) -> None:
        self._stopped = True
        self._queue.clear()

    def flush(self) -> None:
        """Set a timer for each message without one, when the way is free."""
        if not self._route.passes(*self._hosts):
            return
        loop = asyncio.get_running_loop()
        while self._timers < len(self._queue):
            self._timers += 1
            arrives_s = loop.time() + self._route.delay_s(*self._hosts)
            self._last_at_s = max(self._last_at_s, arrives_s)
            loop.call_at(self._last_at_s, self._arrive)

    def _arrive(self) -> None:
        self._timers -= 1
        if self._queue and self._route.passes(*self._hosts):
            self._queue.popleft()()
