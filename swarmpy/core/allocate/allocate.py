"""The allocator's one decision: ports, then subnets, then what tasks wait for.

It is one decision because each part needs what the part before it has just handed out: a
network and the first tasks in it are allocated in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Interface

from swarmpy.core import tell
from swarmpy.core.actions import Action, AllocateSubnet
from swarmpy.core.allocate.homes import Homes
from swarmpy.core.allocate.ports import allocate_ports
from swarmpy.core.allocate.subnets import allocate_subnets, needs_subnet
from swarmpy.core.allocate.tasks import Networks, allocate_tasks, held_addresses
from swarmpy.core.volumes import Find
from swarmpy.pb.objects_pb2 import Network, Service, Task


@dataclass(frozen=True, slots=True)
class Holdings:
    """Everything that holds, or asks for, something of which there is only one."""

    services: Mapping[str, Service]
    networks: Mapping[str, Network]
    tasks: Iterable[Task]
    waiting: Iterable[Task]
    """Those that are NEW."""
    holding: Callable[[str], Iterable[Task]]
    """Returns those with an address in the network of an id."""
    pools: tuple[str, ...] = ()
    find_volume: Find = lambda _name: None


def allocate(holdings: Holdings) -> Iterator[Action]:
    """Yield what to hand out now; nothing of it twice, however early the reader stops.

    Events come again on every call while their cause lasts: the reader leaves out those
    that were told.
    """
    for ports in allocate_ports(holdings.services.values()):
        yield ports
        if ports.error:
            service = holdings.services[ports.service_id]
            yield tell.of_service(service, "NoPorts", ports.error, warning=True)
    subnet_of = {row.id: row.subnet for row in holdings.networks.values() if row.subnet}
    waiting = any(needs_subnet(row) and not row.subnet for row in holdings.networks.values())
    used = _used_subnets(holdings.tasks) if waiting else ()
    for action in allocate_subnets(holdings.networks.values(), holdings.pools, used):
        yield action
        if isinstance(action, AllocateSubnet):
            subnet_of[action.network_id] = action.subnet
    networks = Networks(holdings.networks, subnet_of, holdings.pools)
    homes = Homes(holdings.tasks, holdings.find_volume)
    yield from allocate_tasks(holdings.waiting, networks, homes, holdings.holding)


def _used_subnets(tasks: Iterable[Task]) -> set[str]:
    """Return the subnets that tasks live in, also those of networks that are removed."""
    one_of = {held.network_id: held.address for held in held_addresses(tasks)}
    return {str(IPv4Interface(address).network) for address in one_of.values()}
