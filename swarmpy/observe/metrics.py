"""What SwarmPy counts of itself, in one Prometheus registry of its own."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

REGISTRY: Final = CollectorRegistry()
"""Ours alone: whoever embeds SwarmPy keeps the default registry for itself."""

RPCS_SERVED: Final = Counter(
    "swarmpy_rpcs_served",
    "Calls answered, by method and gRPC status.",
    ["method", "status"],
    registry=REGISTRY,
)
MESH_CONNECTIONS: Final = Counter(
    "swarmpy_mesh_connections",
    "Connections that came to a published port, by what became of them.",
    ["outcome"],
    registry=REGISTRY,
)
MESH_CONNECTIONS_OPEN: Final = Gauge(
    "swarmpy_mesh_connections_open",
    "Connections that are being carried now.",
    registry=REGISTRY,
)


def exposition() -> bytes:
    """Return everything counted so far in Prometheus' text format."""
    return generate_latest(REGISTRY)
