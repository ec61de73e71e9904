"""Gives each network a subnet that overlaps with no other one in the swarm."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

from swarmpy.core.actions import Action, AllocateSubnet, Tell
from swarmpy.pb.objects_pb2 import EVENT_LEVEL_WARNING, Event, Network
from swarmpy.pb.specs_pb2 import NetworkSpec

DEFAULT_POOLS = ("10.128.0.0/9",)
CUT_BITS = 24
"""A subnet from a pool is a /24: 223 tasks. A pool that is smaller is one subnet."""


def allocate_subnets(
    networks: Iterable[Network], pools: Sequence[str], held: Iterable[str] = ()
) -> list[Action]:
    """Return a subnet for each network without one, or an event that says why not.

    `held` are subnets that no network has any more but that containers still use. A
    network that asks for a subnet gets that one, or none while something overlaps with it.
    """
    rows = list(networks)
    taken = [
        ipaddress.IPv4Network(subnet) for subnet in (*(row.subnet for row in rows), *held) if subnet
    ]
    waiting = [row for row in rows if needs_subnet(row) and not row.subnet]
    actions: list[Action] = []
    for row in sorted(waiting, key=lambda row: not row.spec.subnet):
        subnet = _asked(row, taken) if row.spec.subnet else _cut(pools, taken)
        if subnet is None:
            actions.append(Tell(_no_subnet(row, pools)))
        else:
            taken.append(subnet)
            actions.append(AllocateSubnet(row.id, str(subnet)))
    return actions


def needs_subnet(network: Network) -> bool:
    """Say whether tasks get addresses of their own in this network."""
    return network.spec.driver != "host"


def clashing_network(spec: NetworkSpec, networks: Iterable[Network]) -> Network | None:
    """Return the first other network that has, or asks for, what overlaps with `spec`."""
    if not spec.subnet:
        return None
    asked = ipaddress.IPv4Network(spec.subnet)
    for row in networks:
        subnet = row.subnet or row.spec.subnet
        if row.spec.name != spec.name and subnet and asked.overlaps(ipaddress.IPv4Network(subnet)):
            return row
    return None


def why_no_subnet(network: Network, pools: Sequence[str]) -> str:
    """Return one sentence on why a network without a subnet has none."""
    if network.spec.subnet:
        return (
            f"network {network.spec.name} has no subnet: {network.spec.subnet} overlaps with "
            "another one that is in use"
        )
    return (
        f"network {network.spec.name} has no subnet: every /{CUT_BITS} of "
        f"{', '.join(pools or DEFAULT_POOLS)} is taken"
    )


def _asked(
    network: Network, taken: Sequence[ipaddress.IPv4Network]
) -> ipaddress.IPv4Network | None:
    asked = ipaddress.IPv4Network(network.spec.subnet)
    return None if any(asked.overlaps(other) for other in taken) else asked


def _cut(
    pools: Sequence[str], taken: Sequence[ipaddress.IPv4Network]
) -> ipaddress.IPv4Network | None:
    """Return the lowest free piece of the first pool that has one."""
    spans = sorted((int(net.network_address), int(net.broadcast_address)) for net in taken)
    for text in pools or DEFAULT_POOLS:
        pool = ipaddress.IPv4Network(text)
        bits = max(pool.prefixlen, CUT_BITS)
        size = 1 << (32 - bits)
        first = int(pool.network_address)
        for low, high in spans:
            if low >= first + size:
                break
            if high >= first:
                first = -(-(high + 1) // size) * size
        if first + size - 1 <= int(pool.broadcast_address):
            return ipaddress.IPv4Network((first, bits))
    return None


def _no_subnet(network: Network, pools: Sequence[str]) -> Event:
    return Event(
        level=EVENT_LEVEL_WARNING,
        kind="network",
        object_id=network.id,
        object_name=network.spec.name,
        reason="NoSubnet",
        message=why_no_subnet(network, pools),
    )
