"""Turns a swarm's network into what the Docker Engine is asked to create. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

from swarmpy.pb.objects_pb2 import Network, NetworkAddress

NETWORK_LABEL = "swarmpy.network"
PREFIX = "swarmpy-"


def network_name(network_id: str) -> str:
    """Return the engine's name of a network: the same on every engine."""
    return PREFIX + network_id


def is_host(network: Network) -> bool:
    """Say whether this network is the machine's own."""
    return network.spec.driver == "host"


def network_body(network: Network) -> dict[str, Any]:
    """Return the body of POST /networks/create."""
    body: dict[str, Any] = {
        "Name": network_name(network.id),
        "CheckDuplicate": True,
        "Driver": "bridge",
        "Internal": network.spec.internal,
        "Labels": {**network.spec.labels, NETWORK_LABEL: network.id},
    }
    if network.subnet:
        subnet = {"Subnet": network.subnet, "Gateway": gateway_of(network.subnet)}
        body["IPAM"] = {"Config": [subnet]}
    return body


def gateway_of(subnet: str) -> str:
    """Return the last address before the broadcast address: tasks never get one of the last 32."""
    return str(ipaddress.IPv4Network(subnet).broadcast_address - 1)


def overlap(one: str, other: str) -> bool:
    """Say whether two IPv4 subnets share an address."""
    return ipaddress.IPv4Network(one).overlaps(ipaddress.IPv4Network(other))


def endpoint_of(
    service_name: str, address: NetworkAddress | None, stack_networks: Sequence[str]
) -> dict[str, Any]:
    """Return a container's end of one network: its own address, and the names it answers to."""
    names = [service_name, short_name(service_name, stack_networks)]
    endpoint: dict[str, Any] = {}
    if address is not None:
        names += address.aliases
        endpoint["IPAMConfig"] = {"IPv4Address": address.address.partition("/")[0]}
    endpoint["Aliases"] = list(dict.fromkeys(filter(None, names)))
    return endpoint


def short_name(service_name: str, stack_networks: Sequence[str]) -> str:
    """Return "web" of the service "shop_web" whose stack has a network "shop_default".

    A stack's name is what the names of its service and its networks begin with, up to a "_"; a
    service without a network of its stack keeps its whole name.
    """
    if not stack_networks:
        return service_name
    first, last = min([service_name, *stack_networks]), max([service_name, *stack_networks])
    same = next(
        (at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first)
    )
    stack, underscore, _ = first[:same].rpartition("_")
    return service_name.removeprefix(stack + underscore)
