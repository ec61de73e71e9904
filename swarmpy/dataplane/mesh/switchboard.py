"""Every port of the mesh router. Lives in the reactor's thread."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import TypeAlias

from swarmpy.core.routing import Endpoint, Listener, RoutingTable
from swarmpy.dataplane.mesh.balance import Balancer, SocketAddress
from swarmpy.dataplane.mesh.ports import why_not
from swarmpy.dataplane.mesh.reactor import Reactor
from swarmpy.dataplane.mesh.tcp_listener import TcpListener
from swarmpy.dataplane.mesh.traffic import Traffic
from swarmpy.dataplane.mesh.udp_listener import UdpListener
from swarmpy.dataplane.sync import difference

Unopened: TypeAlias = dict[tuple[str, int], str]
"""(protocol, port) -> why it is not open."""


class Switchboard:
    """Makes one routing table after the other true.

    Called between the reactor's events, never during one: so it may close ports at once.
    """

    def __init__(self, reactor: Reactor, host: str, rng: random.Random) -> None:
        self._reactor = reactor
        self._host = host
        self._rng = rng
        self._traffic = Traffic(reactor)
        self._ports: dict[Listener, TcpListener | UdpListener] = {}
        self._true: dict[Listener, tuple[Endpoint, ...]] = {}
        """What holds now: without ports that did not open and endpoints that have no address,
        so that the next table is tried there anew."""

    def install(self, table: RoutingTable, addresses: Mapping[Endpoint, SocketAddress]) -> Unopened:
        """Make `table` true; an endpoint without an address gets nothing.

        Returns: why, for each port that is not open now.
        """
        steps = difference(RoutingTable(self._true), table)
        for listener in steps.closed:
            self._close(listener)
        unopened: Unopened = {}
        for listener, endpoints in {**steps.changed, **steps.opened}.items():
            offered = {e: addresses[e] for e in endpoints if e in addresses}
            try:
                self._offer(listener, offered)
            except OSError as error:
                unopened[listener.protocol, listener.port] = why_not(listener, self._host, error)
        return unopened

    def drain(self, when_idle: Callable[[], None]) -> None:
        """Close every port; call `when_idle` once the last connection has ended."""
        for listener in list(self._ports):
            self._close(listener)
        self._traffic.when_idle(when_idle)

    def abort(self) -> None:
        """End what is still carried."""
        self._traffic.abort()

    def _offer(self, listener: Listener, offered: Mapping[Endpoint, SocketAddress]) -> None:
        """Send new connections to exactly these; open the port if need be. Raises OSError."""
        port = self._ports.get(listener)
        if port is None:
            port = self._ports[listener] = self._open(listener)
        port.balancer.set_endpoints(offered)
        self._true[listener] = tuple(offered)
        try:
            port.refresh()
        except OSError:
            self._close(listener)
            raise

    def _open(self, listener: Listener) -> TcpListener | UdpListener:
        balancer = Balancer(self._rng)
        if listener.protocol == "udp":
            return UdpListener(self._reactor, balancer, self._host, listener)
        return TcpListener(self._reactor, balancer, self._host, listener, self._traffic)

    def _close(self, listener: Listener) -> None:
        self._ports.pop(listener).close()
        del self._true[listener]
