"""Hosts and the links between them, in memory: slow, lossy, cut one way or both, crashed.

What travels is a `Connection`: reliable and in order while it lasts, as TCP is. So a lost
packet is a late one (it is sent again), a cut link holds back what is sent until it heals, and
a connection that hears nothing for `detection_s` breaks on both sides, as keepalive does it.

                 cut heals in time         nobody answers for detection_s
    sent ──> held ─────────────> delivered, in order
              └────────────────────────────────> on_close at both ends
"""

from __future__ import annotations

import asyncio
import errno
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from swarmpy.rpc.address import split_address
from swarmpy.testing.connection import Connection, Socket

DETECTION_S = 15.0
"""How long a silent connection is believed in: what rpc/grpc_transport.py asks of keepalive."""

CONNECT_TIMEOUT_S = 5.0
"""How long one waits for a host that does not answer at all, unless one says otherwise."""

RETRANSMIT_S = 0.2
"""What the loss of one packet costs; twice that for the second loss, and so on."""

RETRANSMISSIONS = 5
"""Losses in a row after which the next one arrives all the same."""


class ConnectFailed(ConnectionError):
    """No connection: nothing listens there, or nothing answered in time."""


@dataclass(slots=True)
class Link:
    """One direction between two hosts."""

    latency_s: tuple[float, float] = (0.0005, 0.003)
    extra_s: float = 0.0
    loss: float = 0.0
    cut: bool = False
    cut_count: int = 0
    """How often it was cut: tells a check that a heal came in between."""


@dataclass(slots=True)
class Host:
    name: str
    up: bool = True
    listeners: dict[int, Callable[[Socket], None]] = field(default_factory=dict)


class MemoryNetwork:
    """Every host a test has; one random source decides all delays and losses."""

    def __init__(self, rng: random.Random, detection_s: float = DETECTION_S) -> None:
        self.detection_s = detection_s
        self._rng = rng
        self._hosts: dict[str, Host] = {}
        self._links: dict[tuple[str, str], Link] = {}
        self._connections: dict[Connection, None] = {}

    # --- what tests do to it

    def add_host(self, name: str) -> None:
        assert name not in self._hosts, f"there is a host {name} already"
        self._hosts[name] = Host(name)

    def partition(self, a: str, b: str, *, one_way: bool = False) -> None:
        """Let nothing pass from `a` to `b`, nor back unless `one_way`."""
        for pair in self._pairs(a, b, one_way=one_way):
            link = self._link(*pair)
            if not link.cut:
                link.cut = True
                link.cut_count += 1
                self._watch_for_silence(pair, link.cut_count)

    def heal(self) -> None:
        """Make every link fast and whole again; what was held back is delivered."""
        self._mend(list(self._links))

    def mend(self, a: str, b: str) -> None:
        """Do the same for the link between two hosts."""
        self._mend(self._pairs(a, b, one_way=False))

    def slow(self, a: str, b: str, extra_s: float) -> None:
        """Add to the latency of every message between two hosts."""
        for pair in self._pairs(a, b, one_way=False):
            self._link(*pair).extra_s = extra_s

    def lose(self, a: str, b: str, probability: float) -> None:
        """Lose each packet between two hosts with this probability; it is sent again."""
        assert 0.0 <= probability < 1.0, probability
        for pair in self._pairs(a, b, one_way=False):
            self._link(*pair).loss = probability

    def crash(self, name: str) -> None:
        """Switch a host off: it says nothing more, so others notice by silence."""
        host = self._hosts[name]
        host.up = False
        host.listeners.clear()
        for connection in list(self._connections):
            if name in connection.hosts:
                connection.lose(name)
                asyncio.get_running_loop().call_later(self.detection_s, connection.break_off)

    def hang_up(self, name: str) -> None:
        """Let whoever speaks on a host go: others hear so at once, for the host still answers."""
        self._hosts[name].listeners.clear()
        for connection in list(self._connections):
            if name in connection.hosts:
                connection.lose(name)
                delay_s = self.delay_s(*connection.hosts)
                asyncio.get_running_loop().call_later(delay_s, connection.break_off)

    def restart(self, name: str) -> None:
        """Switch a host on; it knows none of its old connections and says so when asked."""
        self._hosts[name].up = True
        for connection in list(self._connections):
            if name in connection.hosts:
                delay_s = self.delay_s(*connection.hosts)
                asyncio.get_running_loop().call_later(delay_s, connection.break_off)

    # --- what those who speak over it use

    async def connect(
        self, local: str, address: str, timeout_s: float = CONNECT_TIMEOUT_S
    ) -> Socket:
        """Open a connection to "host:port".

        Raises:
            ConnectFailed: at once when nothing listens there, else after `timeout_s`.
        """
        remote, port = split_address(address)
        round_trip_s = self.delay_s(local, remote) + self.delay_s(remote, local)
        if not self.passes(local, remote) or not self.passes(remote, local):
            await asyncio.sleep(timeout_s)
            raise ConnectFailed(f"{address} does not answer")
        await asyncio.sleep(round_trip_s)
        accept = self._hosts[remote].listeners.get(port) if remote in self._hosts else None
        if accept is None or not self.passes(local, remote):
            raise ConnectFailed(f"nothing listens at {address}")
        connection = Connection(self, local, remote)
        self._connections[connection] = None
        accept(connection.sockets[1])
        return connection.sockets[0]

    def listen(self, address: str, accept: Callable[[Socket], None]) -> Callable[[], None]:
        """Call `accept` with each new connection until the function returned is called.

        Raises:
            OSError: EADDRINUSE.
        """
        name, port = split_address(address)
        listeners = self._hosts[name].listeners
        if port in listeners:
            raise OSError(errno.EADDRINUSE, "address in use", address)
        listeners[port] = accept

        def close() -> None:
            if listeners.get(port) is accept:
                del listeners[port]

        return close

    def passes(self, source: str, target: str) -> bool:
        """Say whether a packet sent now arrives."""
        ends = (self._hosts.get(source), self._hosts.get(target))
        if not all(host is not None and host.up for host in ends):
            return False
        return source == target or not self._link(source, target).cut

    def delay_s(self, source: str, target: str) -> float:
        """Draw how long the next message takes, with what losses cost it."""
        if source == target:
            return 0.0
        link = self._link(source, target)
        delay_s = self._rng.uniform(*link.latency_s) + link.extra_s
        for attempt in range(RETRANSMISSIONS):
            if self._rng.random() >= link.loss:
                break
            delay_s += RETRANSMIT_S * 2**attempt
        return delay_s

    def forget(self, connection: Connection) -> None:
        self._connections.pop(connection, None)

    # --- inside

    def _mend(self, pairs: Iterable[tuple[str, str]]) -> None:
        for pair in pairs:
            self._links[pair] = Link(cut_count=self._link(*pair).cut_count)
        for connection in list(self._connections):
            connection.flush()

    def _link(self, source: str, target: str) -> Link:
        return self._links.setdefault((source, target), Link())

    @staticmethod
    def _pairs(a: str, b: str, *, one_way: bool) -> list[tuple[str, str]]:
        return [(a, b)] if one_way else [(a, b), (b, a)]

    def _watch_for_silence(self, pair: tuple[str, str], cut_count: int) -> None:
        def check() -> None:
            link = self._link(*pair)
            if link.cut and link.cut_count == cut_count:
                for connection in list(self._connections):
                    if pair in (connection.hosts, connection.hosts[::-1]):
                        connection.break_off()

        asyncio.get_running_loop().call_later(self.detection_s, check)
