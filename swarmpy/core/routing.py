"""Which ports answer on a node, and which running tasks stand behind each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from swarmpy.core.task_life import counts_for_service
from swarmpy.pb.dispatcher_pb2 import Backend, Frontend, LoadBalancer
from swarmpy.pb.objects_pb2 import Node, Service, Task
from swarmpy.pb.types_pb2 import (
    PROTOCOL_UDP,
    PUBLISH_MODE_MESH,
    PortConfig,
)


@dataclass(frozen=True, slots=True, order=True)
class Listener:
    """A port that answers on every address of the node."""

    protocol: str
    """"tcp" or "udp"."""
    port: int


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """Where one healthy task answers."""

    host: str
    port: int
    task_id: str


@dataclass(frozen=True, slots=True)
class RoutingTable:
    """What a data plane makes true; listeners without endpoints refuse connections."""

    endpoints: Mapping[Listener, tuple[Endpoint, ...]] = field(default_factory=dict)


def load_balancer(
    service: Service, tasks: Iterable[Task], nodes: Mapping[str, Node]
) -> LoadBalancer:
    """Return what every node needs to know to answer on `service`'s mesh ports.

    A task counts while it is ready and is wanted to run; so it leaves the routes in the same
    commit that asks it to stop.
    """
    live = sorted(
        (task for task in tasks if counts_for_service(task) and task.node_id in nodes),
        key=lambda task: task.id,
    )
    frontends = [
        Frontend(port=port, backends=[b for task in live for b in _backends(port, task, nodes)])
        for port in service.ports
        if _is_mesh(port)
    ]
    return LoadBalancer(id=service.id, name=service.spec.name, frontends=frontends)


def has_mesh_port(service: Service) -> bool:
    """Say whether every node answers for the service."""
    return any(_is_mesh(port) for port in service.ports)


def _is_mesh(port: PortConfig) -> bool:
    return port.mode == PUBLISH_MODE_MESH and bool(port.published)


def _backends(port: PortConfig, task: Task, nodes: Mapping[str, Node]) -> Iterable[Backend]:
    for binding in task.status.ports:
        if (binding.protocol, binding.target) == (port.protocol, port.target):
            yield Backend(
                task_id=task.id,
                node_id=task.node_id,
                host=nodes[task.node_id].status.address,
                port=binding.host_port,
            )


def routing_table(balancers: Iterable[LoadBalancer]) -> RoutingTable:
    """Return the table of one node. Of two balancers with one port the smaller id keeps it."""
    endpoints: dict[Listener, tuple[Endpoint, ...]] = {}
    for balancer in sorted(balancers, key=lambda balancer: balancer.id):
        for frontend in balancer.frontends:
            protocol = "udp" if frontend.port.protocol == PROTOCOL_UDP else "tcp"
            listener = Listener(protocol, frontend.port.published)
            endpoints.setdefault(
                listener,
                tuple(sorted(Endpoint(b.host, b.port, b.task_id) for b in frontend.backends)),
            )
    return RoutingTable(endpoints)
