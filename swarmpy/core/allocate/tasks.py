"""Makes NEW tasks PENDING: each gets its addresses, or is told what it waits for.

A task is made when the ports of its service are allocated, and carries them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from swarmpy.core.actions import Action, AllocateTask, SetPendingReason, Tell
from swarmpy.core.allocate.addresses import FreeAddresses
from swarmpy.core.allocate.homes import Homes
from swarmpy.core.allocate.subnets import needs_subnet, why_no_subnet
from swarmpy.core.task_life import is_live, keeps_slot
from swarmpy.pb.objects_pb2 import EVENT_LEVEL_WARNING, Event, Network, NetworkAddress, Task


class Networks:
    """The networks as they are allocated so far, found by what a spec may call them."""

    def __init__(
        self, rows: Mapping[str, Network], subnets: Mapping[str, str], pools: Sequence[str]
    ) -> None:
        self._rows = rows
        self._by_name = {network.spec.name: network for network in rows.values()}
        self.subnets = subnets
        """By network id; a network that is not in it has none."""
        self.pools = pools

    def find(self, reference: str) -> Network | None:
        return self._by_name.get(reference) or self._rows.get(reference)

    def missing(self, task: Task) -> str:
        """Return which network the task has to wait for, in a sentence; "" for none."""
        for attachment in task.spec.networks:
            network = self.find(attachment.network)
            if network is None:
                return f"there is no network {attachment.network!r}"
            if needs_subnet(network) and network.id not in self.subnets:
                return why_no_subnet(network, self.pools)
        return ""


class _Addresses:
    """What is free in each network."""

    def __init__(
        self, subnets: Mapping[str, str], holding: Callable[[str], Iterable[Task]]
    ) -> None:
        self._subnets = subnets
        self._free: dict[str, FreeAddresses] = {}
        self._holding = holding

    def of(self, network_id: str) -> FreeAddresses:
        if network_id not in self._free:
            taken = [
                held.address
                for held in held_addresses(self._holding(network_id))
                if held.network_id == network_id
            ]
            self._free[network_id] = FreeAddresses(self._subnets[network_id], taken)
        return self._free[network_id]


def held_addresses(tasks: Iterable[Task]) -> Iterator[NetworkAddress]:
    """Yield the addresses of the tasks that have not ended."""
    for task in tasks:
        if task.addresses and is_live(task):
            yield from task.addresses


def allocate_tasks(
    waiting: Iterable[Task],
    networks: Networks,
    homes: Homes,
    holding: Callable[[str], Iterable[Task]],
) -> Iterator[Action]:
    """Yield what to do for each of the NEW tasks that is still wanted.

    `holding` returns the tasks with an address in the network of an id.
    """
    addresses = _Addresses(networks.subnets, holding)
    told: set[str] = set()
    for task in waiting:
        if not keeps_slot(task):
            continue
        home = homes.of(task)
        reason = home.conflict or networks.missing(task)
        given: tuple[NetworkAddress, ...] = ()
        if not reason:
            given, exhausted = _take(task, networks, addresses)
            if exhausted is not None:
                reason = _why_no_address(exhausted, networks, addresses)
                if exhausted.id not in told:
                    told.add(exhausted.id)
                    yield Tell(_no_address(exhausted, reason))
        if not reason:
            yield AllocateTask(task.id, given, home.node_id, home.bound_by)
        elif reason != task.pending_reason:
            yield SetPendingReason(task.id, reason)


def _take(
    task: Task, networks: Networks, addresses: _Addresses
) -> tuple[tuple[NetworkAddress, ...], Network | None]:
    """Return an address in each network of the task, or (none and) which network has none."""
    given: list[NetworkAddress] = []
    for attachment in task.spec.networks:
        network = networks.find(attachment.network)
        assert network is not None, "the caller asked what is missing"
        if not needs_subnet(network):
            continue
        address = addresses.of(network.id).take()
        if address is None:
            for back in given:
                addresses.of(back.network_id).give_back(back.address)
            return (), network
        aliases = dict.fromkeys((*attachment.aliases, *filter(None, (task.name, task.hostname))))
        given.append(NetworkAddress(network_id=network.id, address=address, aliases=aliases))
    return tuple(given), None


def _why_no_address(network: Network, networks: Networks, addresses: _Addresses) -> str:
    return (
        f"network {network.spec.name} has no free address: all "
        f"{addresses.of(network.id).size} that tasks can have in "
        f"{networks.subnets[network.id]} are taken"
    )


def _no_address(network: Network, reason: str) -> Event:
    return Event(
        level=EVENT_LEVEL_WARNING,
        kind="network",
        object_id=network.id,
        object_name=network.spec.name,
        reason="NoAddress",
        message=f"{reason}; give the network a larger subnet, or use a second one",
    )
