"""A data plane that carries nothing and remembers what it was told."""

from __future__ import annotations

from collections.abc import Mapping

from swarmpy.core.routing import Endpoint, Listener, RoutingTable


class FakeDataPlane:
    """Implements `seams.DataPlane` for one node."""

    def __init__(self) -> None:
        self.tables: list[RoutingTable] = []
        """Every table installed, oldest first."""
        self.taken: dict[tuple[str, int], str] = {}
        """Ports that cannot be opened here, and why. Tests fill it."""
        self.running = False

    async def start(self) -> None:
        self.running = True

    async def install(self, table: RoutingTable) -> Mapping[tuple[str, int], str]:
        assert self.running, "a table was installed before start() or after close()"
        self.tables.append(table)
        return {
            (listener.protocol, listener.port): self.taken[listener.protocol, listener.port]
            for listener in table.endpoints
            if (listener.protocol, listener.port) in self.taken
        }

    async def close(self) -> None:
        self.running = False

    def reachable(self, port: int, protocol: str = "tcp") -> tuple[Endpoint, ...]:
        """Return who answers on a port of this node now; () when nobody does."""
        if not self.running or not self.tables or (protocol, port) in self.taken:
            return ()
        return self.tables[-1].endpoints.get(Listener(protocol, port), ())
