"""Refuses, at once, a published port that another service has: nobody wants to wait for that."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from swarmpy.core.tell import port_name
from swarmpy.errors import InUse
from swarmpy.pb.objects_pb2 import Service
from swarmpy.pb.specs_pb2 import ServiceSpec
from swarmpy.pb.types_pb2 import PUBLISH_MODE_MESH, PortConfig


def refuse_taken_ports(
    spec: ServiceSpec, services: Iterable[Service], passed_over: Collection[str]
) -> None:
    """Raise InUse when a mesh port of `spec` is published by another service.

    `passed_over` are ids of services that do not stand in the way: the one the spec is for,
    and those that the same transaction changes or removes. The allocator has the last word.
    """
    wanted = {(port.protocol, port.published): port for port in _mesh(spec.endpoint.ports)}
    if not wanted:
        return
    for service in services:
        if service.id in passed_over or service.removing:
            continue
        for held in (*_mesh(service.ports), *_mesh(service.spec.endpoint.ports)):
            port = wanted.get((held.protocol, held.published))
            if port is not None:
                name = port_name(port.protocol, port.published)
                raise InUse(
                    f"port {name} of service {spec.name!r} is published by service "
                    f"{service.spec.name!r}",
                    remedy="publish another port, or remove that service: "
                    f"swarmpy service rm {service.spec.name}",
                )


def _mesh(ports: Iterable[PortConfig]) -> Iterator[PortConfig]:
    return (port for port in ports if port.published and port.mode == PUBLISH_MODE_MESH)
