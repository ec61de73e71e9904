"""The mesh router: a data plane that needs no kernel rules and no privileges."""

from __future__ import annotations

import asyncio
import concurrent.futures
import ipaddress
import random
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar

import structlog

from swarmpy.core.routing import Endpoint, RoutingTable
from swarmpy.dataplane.mesh.balance import SocketAddress
from swarmpy.dataplane.mesh.reactor import Reactor
from swarmpy.dataplane.mesh.switchboard import Switchboard
from swarmpy.seams import Clock

log = structlog.get_logger()

DRAIN_S: Final = 30.0
RESOLVE_TIMEOUT_S: Final = 2.0

T = TypeVar("T")


class MeshRouter:
    """seams.DataPlane in a thread of its own: traffic and decisions never wait for each other."""

    def __init__(
        self, listen_host: str, clock: Clock, rng: random.Random, *, drain_s: float = DRAIN_S
    ) -> None:
        """Publish on `listen_host`: "0.0.0.0", "::" (IPv4 as well) or one address.

        `drain_s` is how long open connections may go on after `close`.
        """
        self._host = listen_host
        self._drain_s = drain_s
        self._reactor = Reactor(clock)
        self._switchboard = Switchboard(self._reactor, listen_host, rng)
        self._thread = threading.Thread(target=self._reactor.run, name="mesh", daemon=True)

    async def start(self) -> None:
        """Begin; nothing is published before a table is installed."""
        self._thread.start()

    async def install(self, table: RoutingTable) -> Mapping[tuple[str, int], str]:
        """Make the table true: connections that are open go on, new ones follow it.

        Returns: (protocol, port) -> why, for each port that could not be opened here.
        """
        addresses = await _resolve({e for offered in table.endpoints.values() for e in offered})
        return await self._ask(lambda: self._switchboard.install(table, addresses))

    async def close(self) -> None:
        """Close every port, and after the last connection, or `drain_s`, everything."""
        if not self._thread.is_alive():  # never started: the reactor ends here, at once
            self._reactor.stop()
            self._reactor.run()
            self._reactor.close()
            return
        idle = asyncio.Event()
        loop = asyncio.get_running_loop()

        def tell() -> None:
            loop.call_soon_threadsafe(idle.set)

        self._reactor.call(lambda: self._switchboard.drain(tell))
        try:
            async with asyncio.timeout(self._drain_s):
                await idle.wait()
        except TimeoutError:
            log.warning("mesh_drain_cut_short", after_s=self._drain_s)
        finally:
            self._reactor.call(self._switchboard.abort)
            self._reactor.stop()
            self._thread.join()
            self._reactor.close()

    async def _ask(self, question: Callable[[], T]) -> T:
        """Return, or raise, what a function does in the reactor's thread."""
        answer: concurrent.futures.Future[T] = concurrent.futures.Future()

        def respond() -> None:
            if not answer.set_running_or_notify_cancel():
                return
            try:
                answer.set_result(question())
            except Exception as error:  # noqa: BLE001 - it is raised where the question was asked
                answer.set_exception(error)

        self._reactor.call(respond)
        return await asyncio.wrap_future(answer)


async def _resolve(endpoints: Iterable[Endpoint]) -> dict[Endpoint, SocketAddress]:
    """Return where to connect to; an endpoint whose host has no address now is left out.

    The reactor's thread must not wait for a name server, so names are looked up here.
    """
    known = {host: await _address_of(host) for host in {endpoint.host for endpoint in endpoints}}
    return {
        endpoint: (host, endpoint.port, 0, 0) if ":" in host else (host, endpoint.port)
        for endpoint in endpoints
        if (host := known[endpoint.host]) is not None
    }


async def _address_of(host: str) -> str | None:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(RESOLVE_TIMEOUT_S):
            found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError) as error:
        log.warning("mesh_endpoint_unresolved", host=host, error=str(error))
        return None
    return str(found[0][4][0])
