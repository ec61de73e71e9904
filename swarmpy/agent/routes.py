"""Turns the load balancers that managers tell of into this node's routes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import structlog

from swarmpy.core.heard import Heard, corrected
from swarmpy.core.routing import routing_table
from swarmpy.pb.dispatcher_pb2 import ClosedPorts, LoadBalancer
from swarmpy.pb.objects_pb2 import ClosedPort
from swarmpy.pb.types_pb2 import PROTOCOL_TCP, PROTOCOL_UDP
from swarmpy.seams import DataPlane

log = structlog.get_logger()

RETRY_S = 5.0
"""How long a port that somebody else holds is left alone."""
_PROTOCOLS = {"tcp": PROTOCOL_TCP, "udp": PROTOCOL_UDP}


class Routes:
    """What the data plane is to make true. It stays while no manager answers."""

    def __init__(self, data_plane: DataPlane) -> None:
        self.balancers: dict[str, LoadBalancer] = {}
        """Changed by the worker, which then calls `refresh`."""
        self._data_plane = data_plane
        self._heard = Heard()
        self._listed: set[str] = set()
        self._changed = asyncio.Event()
        self._installed = asyncio.Condition()
        self._closed_ports: Mapping[tuple[str, int], str] | None = None
        """None before anything was installed."""

    def refresh(self) -> None:
        """Install the balancers as they are by the time they are looked at."""
        self._changed.set()

    def hear(self, heard: Heard) -> None:
        """Take in what neighbours tell."""
        self._heard = heard
        self.refresh()

    @property
    def tasks(self) -> set[str]:
        """The tasks that managers tell of now."""
        return {
            backend.task_id
            for balancer in self.balancers.values()
            for frontend in balancer.frontends
            for backend in frontend.backends
        }

    async def closed_ports(self, told: ClosedPorts | None) -> ClosedPorts:
        """Return the ports that cannot be opened here, once they are others than `told`."""
        async with self._installed:
            await self._installed.wait_for(lambda: self._in_words() not in (None, told))
        now = self._in_words()
        assert now is not None
        return now

    async def run(self) -> None:
        """Install every change, and what failed again, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(RETRY_S if self._closed_ports else None):
                    await self._changed.wait()
            except TimeoutError:
                pass
            self._changed.clear()
            closed = await self._data_plane.install(routing_table(self._balancers()))
            self._log(closed, self._closed_ports or {})
            self._closed_ports = closed
            async with self._installed:
                self._installed.notify_all()

    def _balancers(self) -> list[LoadBalancer]:
        self._listed |= self.tasks
        self._listed &= self.tasks | self._heard.endpoints.keys()
        heard = replace(self._heard, listed=frozenset(self._listed))
        return corrected(self.balancers.values(), heard)

    def _in_words(self) -> ClosedPorts | None:
        if self._closed_ports is None:
            return None
        return ClosedPorts(
            ports=[
                ClosedPort(protocol=_PROTOCOLS[protocol], port=port, reason=why)
                for (protocol, port), why in sorted(self._closed_ports.items())
            ]
        )

    @staticmethod
    def _log(closed: Mapping[tuple[str, int], str], before: Mapping[tuple[str, int], str]) -> None:
        """Log what is new: a port that is taken stays so for long."""
        for (protocol, port), why in closed.items():
            if before.get((protocol, port)) != why:
                log.error("port_not_opened", protocol=protocol, port=port, error=why)
        for protocol, port in sorted(before.keys() - closed.keys()):
            log.info("port_opened_after_all", protocol=protocol, port=port)
