"""Gives each service its published ports: those it asks for, and free ones for the rest.

A mesh port answers on every node, so nothing else in the swarm may publish it. A host port
answers only where its tasks run: services may share one, and the scheduler keeps their tasks
on different nodes. A service's ports are held until the service is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from swarmpy.core.actions import AllocatePorts
from swarmpy.core.tell import port_name
from swarmpy.pb.objects_pb2 import Service
from swarmpy.pb.types_pb2 import PUBLISH_MODE_HOST, PortConfig

DYNAMIC = range(30000, 32768)

Key: TypeAlias = tuple[int, int]
"""Protocol and published port."""
Holders: TypeAlias = dict[Key, list[tuple[Service, PortConfig]]]
"""Who publishes what."""


def allocate_ports(services: Iterable[Service]) -> list[AllocatePorts]:
    """Return what to write for each service whose ports are not as its spec wants them.

    A service that cannot have its ports keeps those it had and learns who is in its way.
    Of two services that ask for one port at once, the older gets it.
    """
    rows = list(services)
    holders: Holders = {}
    for service in rows:
        for port in service.ports:
            holders.setdefault(_key(port), []).append((service, port))
    written: list[AllocatePorts] = []
    for service in rows:
        if not service.removing and not is_allocated(service):
            written.extend(_allocate(service, holders))
    return written


def is_allocated(service: Service) -> bool:
    """Say whether a service has every port that its spec asks for."""
    wanted = service.spec.endpoint.ports
    return (
        service.ports_allocated
        and len(wanted) == len(service.ports)
        and all(_fulfils(port, ask) for port, ask in zip(service.ports, wanted, strict=True))
    )


def _fulfils(port: PortConfig, ask: PortConfig) -> bool:
    """Say whether an allocated port is what a spec asks for."""
    return (
        (port.name, port.protocol, port.target, port.mode)
        == (ask.name, ask.protocol, ask.target, ask.mode)
        and port.published != 0
        and ask.published in {0, port.published}
    )


def _allocate(service: Service, holders: Holders) -> Iterator[AllocatePorts]:
    """Decide on one service and note what it holds then."""
    asked = service.spec.endpoint.ports
    filled: dict[int, PortConfig] = {}
    errors: list[str] = []
    for i in sorted(range(len(asked)), key=lambda i: (asked[i].published == 0, i)):
        owner = _in_the_way(asked[i], service, holders)
        if owner is not None:
            name = port_name(asked[i].protocol, asked[i].published)
            errors.append(f"port {name} is published by service {owner.spec.name}")
            continue
        port = _filled(asked[i], service, holders, filled.values())
        if port is None:
            errors.append(
                f"no port from {DYNAMIC[0]} to {DYNAMIC[-1]} is free for port {asked[i].target}"
            )
        else:
            filled[i] = port
    if errors:
        error = "; ".join(errors)
        if error != service.allocation_error:
            yield AllocatePorts(service.id, tuple(service.ports), error)
        return
    ports = tuple(filled[i] for i in range(len(asked)))
    _hold(service, ports, holders)
    yield AllocatePorts(service.id, ports)


def _in_the_way(ask: PortConfig, service: Service, holders: Holders) -> Service | None:
    """Return the first other service with which `ask` cannot share its port."""
    if not ask.published:
        return None
    for owner, port in holders.get(_key(ask), ()):
        if owner.id != service.id and not (ask.mode == port.mode == PUBLISH_MODE_HOST):
            return owner
    return None


def _filled(
    ask: PortConfig, service: Service, holders: Holders, chosen: Iterable[PortConfig]
) -> PortConfig | None:
    """Return `ask` with a published port: as asked, as before, or the lowest free one."""
    port = PortConfig()
    port.CopyFrom(ask)
    if ask.published:
        return port
    used = {_key(other) for other in chosen}
    before = [old.published for old in service.ports if _fulfils(old, ask)]
    for number in (*before, *DYNAMIC):
        key = (ask.protocol, number)
        others = any(owner.id != service.id for owner, _ in holders.get(key, ()))
        if not others and key not in used:
            port.published = number
            return port
    return None


def _key(port: PortConfig) -> Key:
    return port.protocol, port.published


def _hold(service: Service, ports: Iterable[PortConfig], holders: Holders) -> None:
    """Let `service` hold exactly these ports."""
    for key in {_key(port) for port in service.ports}:
        holders[key] = [held for held in holders[key] if held[0].id != service.id]
    for port in ports:
        holders.setdefault(_key(port), []).append((service, port))
