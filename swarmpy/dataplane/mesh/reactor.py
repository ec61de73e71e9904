"""One thread that waits on many sockets, and calls whoever watches the one that is ready.

asyncio has the same idea at three times the cost per new connection, and would share its
thread with the control loops: neither may hold the other up.
"""

from __future__ import annotations

import heapq
import os
import select
import socket
from collections import deque
from collections.abc import Callable
from typing import Final

import structlog

from swarmpy.seams import Clock

log = structlog.get_logger()

READABLE: Final = select.EPOLLIN
WRITABLE: Final = select.EPOLLOUT
EVENTS_PER_TURN: Final = 256


class Timer:
    """Something to do later, unless it is cancelled before."""

    __slots__ = ("at_s", "callback")

    def __init__(self, at_s: float, callback: Callable[[], None]) -> None:
        self.at_s = at_s
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None

    def __lt__(self, other: Timer) -> bool:
        return self.at_s < other.at_s


class Reactor:
    """Everything but `call` and `stop` belongs to the thread that is in `run`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._epoll = select.epoll()
        self._watchers: dict[int, Callable[[int], None]] = {}
        self._timers: list[Timer] = []
        self._calls: deque[Callable[[], None]] = deque()
        self._retired: list[socket.socket] = []
        self._stopped = False
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.watch(self._wake, READABLE, self._woken)

    def now_s(self) -> float:
        """Return monotonic seconds."""
        return self._clock.monotonic()

    # --- from any thread

    def call(self, function: Callable[[], None]) -> None:
        """Run a function in the reactor's thread, soon."""
        assert not self._stopped, "the reactor has ended"
        self._calls.append(function)
        os.eventfd_write(self._wake, 1)

    def stop(self) -> None:
        """End `run`; `close` comes after it. What is watched is left to whoever opened it."""

        def end() -> None:
            self._stopped = True

        self.call(end)

    # --- from the reactor's thread

    def run(self) -> None:
        """Serve until `stop`."""
        while not self._stopped:
            for fd, events in self._epoll.poll(self._patience_s(), EVENTS_PER_TURN):
                watcher = self._watchers.get(fd)
                if watcher is not None:
                    self._dispatch(fd, watcher, events)
            # Only now, so that no descriptor changes hands while events wait for it.
            self._bury()
            self._run_calls()
            self._run_timers()
            self._bury()

    def close(self) -> None:
        """Give back the descriptors, once `run` has returned and nobody calls any more.

        Not in `run`: whoever called `stop` may yet be about to wake the thread that has ended.
        """
        self._epoll.close()
        os.close(self._wake)

    def watch(self, fd: int, events: int, watcher: Callable[[int], None]) -> None:
        """Call `watcher(events)` for as long as any of `events`, an error or a hang-up holds.

        This replaces what was watched on the descriptor before.
        """
        change = self._epoll.modify if fd in self._watchers else self._epoll.register
        self._watchers[fd] = watcher
        change(fd, events)

    def unwatch(self, fd: int) -> None:
        """Wait for nothing on a descriptor; nothing happens when it is not watched."""
        if self._watchers.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def retire(self, sock: socket.socket) -> None:
        """Close a socket at the end of this turn, which also ends the wait for its events.

        Not at once: a new socket would get its number, and with it the events that this
        turn still holds for the old one.
        """
        self._watchers.pop(sock.fileno(), None)
        self._retired.append(sock)

    def later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(self.now_s() + delay_s, callback)
        heapq.heappush(self._timers, timer)
        return timer

    def _dispatch(self, fd: int, watcher: Callable[[int], None], events: int) -> None:
        try:
            watcher(events)
        except Exception:  # a bug met by one connection must not stop all the node's traffic
            log.exception("mesh_watcher_crashed")
            self.unwatch(fd)

    def _safely(self, callback: Callable[[], None]) -> None:
        try:
            callback()
        except Exception:  # as above
            log.exception("mesh_callback_crashed")

    def _woken(self, _events: int) -> None:
        os.eventfd_read(self._wake)

    def _patience_s(self) -> float:
        if not self._timers:
            return -1
        return max(0.0, self._timers[0].at_s - self.now_s())

    def _run_timers(self) -> None:
        while self._timers and self._timers[0].at_s <= self.now_s():
            callback = heapq.heappop(self._timers).callback
            if callback is not None:
                self._safely(callback)

    def _run_calls(self) -> None:
        while self._calls:
            self._safely(self._calls.popleft())

    def _bury(self) -> None:
        for sock in self._retired:
            sock.close()
        self._retired.clear()
