"""Ports as people write them."""

from __future__ import annotations

from collections.abc import Iterable

from swarmpy.pb.types_pb2 import PROTOCOL_UDP, PUBLISH_MODE_HOST, PortConfig


def port_text(ports: Iterable[PortConfig]) -> str:
    """Return `8080:80, 53:53/udp, 443:443@host`."""
    return ", ".join(_one(port) for port in ports)


def _one(port: PortConfig) -> str:
    protocol = "/udp" if port.protocol == PROTOCOL_UDP else ""
    mode = "@host" if port.mode == PUBLISH_MODE_HOST else ""
    return f"{port.published or '?'}:{port.target}{protocol}{mode}"
