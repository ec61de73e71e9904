"""What nodes heard of each other corrects what managers said last of where tasks answer.

Managers know what is wanted; neighbours know what is there. While managers answer, both say the
same soon. While none does, only neighbours tell that a task has ended, or that a node is gone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from swarmpy.core.task_life import counts_for_service
from swarmpy.pb.dispatcher_pb2 import Backend, Frontend, LoadBalancer
from swarmpy.pb.gossip_pb2 import GOSSIP_HEALTH_HEALTHY, GossipEndpoint
from swarmpy.pb.objects_pb2 import Task
from swarmpy.pb.types_pb2 import PortConfig

MESH = "mesh"
"""The network of endpoints that answer on their node's own address."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What one node heard from its neighbours, and of whom it ever did."""

    endpoints: Mapping[str, GossipEndpoint] = field(default_factory=dict)
    """Task id -> where it answers, of nodes that are alive."""
    hosts: Mapping[str, str] = field(default_factory=dict)
    """Node id -> the address that its tasks' ports answer on."""
    away: Collection[str] = frozenset()
    """Nodes that are dead or have left."""
    ever: Collection[str] = frozenset()
    """Tasks that an endpoint was heard of at any time."""
    listed: Collection[str] = frozenset()
    """Tasks that managers have told of at any time: what they leave out now stays out."""


def endpoint_of(task: Task) -> GossipEndpoint | None:
    """Return what a node tells of its own task; None when it does not answer."""
    if not counts_for_service(task) or not task.status.ports:
        return None
    return GossipEndpoint(
        network_id=MESH,
        task_id=task.id,
        service_id=task.service_id,
        ports=task.status.ports,
        health=GOSSIP_HEALTH_HEALTHY,
    )


def corrected(balancers: Iterable[LoadBalancer], heard: Heard) -> list[LoadBalancer]:
    """Return the balancers without what is gone, and with what managers have not told of yet.

    A port is never left without anybody because of what was heard: then managers are believed.
    """
    if not heard.endpoints and not heard.away and not heard.ever:
        return list(balancers)
    return [_corrected(balancer, heard) for balancer in balancers]


def _corrected(balancer: LoadBalancer, heard: Heard) -> LoadBalancer:
    told = {backend.task_id for frontend in balancer.frontends for backend in frontend.backends}
    new = [
        endpoint
        for task_id, endpoint in sorted(heard.endpoints.items())
        if endpoint.service_id == balancer.id
        and task_id not in told
        and task_id not in heard.listed
    ]
    frontends = []
    for frontend in balancer.frontends:
        backends = [backend for backend in frontend.backends if _is_there(backend, heard)]
        backends.extend(_backends(frontend.port, new, heard))
        frontends.append(Frontend(port=frontend.port, backends=backends or frontend.backends))
    return LoadBalancer(id=balancer.id, name=balancer.name, frontends=frontends)


def _is_there(backend: Backend, heard: Heard) -> bool:
    if backend.node_id in heard.away:
        return False
    return backend.task_id in heard.endpoints or backend.task_id not in heard.ever


def _backends(
    port: PortConfig, endpoints: Iterable[GossipEndpoint], heard: Heard
) -> Iterator[Backend]:
    for endpoint in endpoints:
        host = heard.hosts.get(endpoint.owner_id)
        for binding in endpoint.ports:
            if host and (binding.protocol, binding.target) == (port.protocol, port.target):
                yield Backend(
                    task_id=endpoint.task_id,
                    node_id=endpoint.owner_id,
                    host=host,
                    port=binding.host_port,
                )
