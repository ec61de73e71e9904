"""Which of a service's published ports do not answer, where, and why."""

from __future__ import annotations

from collections.abc import Iterable

from swarmpy.core.tell import node_name, port_name
from swarmpy.pb.objects_pb2 import Node, Service
from swarmpy.pb.types_pb2 import NODE_STATE_READY


def closed_ports(service: Service, nodes: Iterable[Node]) -> list[str]:
    """Return a sentence for each port of `service` that a node which is up cannot open."""
    published = {(port.protocol, port.published) for port in service.ports}
    return [
        f"port {port_name(closed.protocol, closed.port)} does not answer on "
        f"{node_name(node, node.id)}: {closed.reason}"
        for node in nodes
        if node.status.state == NODE_STATE_READY
        for closed in node.status.closed_ports
        if (closed.protocol, closed.port) in published
    ]
