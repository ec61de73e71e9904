"""Gives each task an address in each of its networks; says of which network none is left."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

NODE_GATEWAYS = 32
"""The last addresses of every subnet, its broadcast address among them. Tasks never get
these: each node takes one of them as the gateway of its own bridge."""

PREFIX_MAX = 26
"""The smallest subnet: 64 addresses, of which tasks get 31."""


class FreeAddresses:
    """The addresses of one subnet that no task has.

    They are given in turn after the highest one in use, and only then from the beginning:
    what is just freed is not given to somebody else at once, while others may remember it.
    """

    def __init__(self, subnet: str, taken: Iterable[str]) -> None:
        self._subnet = ipaddress.IPv4Network(subnet)
        self._first = int(self._subnet.network_address) + 1
        self._last = int(self._subnet.broadcast_address) - NODE_GATEWAYS
        self._taken = {_number(address) for address in taken}
        self._left = self.size - sum(self._first <= one <= self._last for one in self._taken)
        self._next = max(self._taken, default=self._first - 1) + 1

    @property
    def size(self) -> int:
        """How many addresses tasks can have in all."""
        return self._last - self._first + 1

    def take(self) -> str | None:
        """Return a free address in CIDR form, taken from now on; None when there is none."""
        if self._left <= 0:
            return None
        address = max(self._next, self._first)
        while address in self._taken or address > self._last:
            address = self._first if address >= self._last else address + 1
        self._taken.add(address)
        self._left -= 1
        self._next = address + 1
        return f"{ipaddress.IPv4Address(address)}/{self._subnet.prefixlen}"

    def give_back(self, address: str) -> None:
        """Let somebody else have what `take` returned."""
        self._taken.discard(_number(address))
        self._left += 1


def _number(address: str) -> int:
    return int(ipaddress.IPv4Address(address.partition("/")[0]))
