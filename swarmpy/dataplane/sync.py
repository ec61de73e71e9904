"""What to open, change and close to get from one routing table to another. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from swarmpy.core.routing import Endpoint, Listener, RoutingTable


@dataclass(frozen=True, slots=True)
class Difference:
    """Three sets of listeners that share none; what is in no set stays as it is."""

    opened: Mapping[Listener, tuple[Endpoint, ...]]
    changed: Mapping[Listener, tuple[Endpoint, ...]]
    closed: frozenset[Listener]


def difference(old: RoutingTable, new: RoutingTable) -> Difference:
    """Return the steps from `old` to `new`; the order of endpoints means nothing."""
    opened, changed = {}, {}
    for listener, endpoints in new.endpoints.items():
        before = old.endpoints.get(listener)
        if before is None:
            opened[listener] = endpoints
        elif frozenset(before) != frozenset(endpoints):
            changed[listener] = endpoints
    return Difference(opened, changed, frozenset(old.endpoints.keys() - new.endpoints.keys()))
