"""All filters, in the order in which people read of them."""

from __future__ import annotations

from collections.abc import Iterable

from swarmpy.core.schedule.filter import Filter, Need
from swarmpy.core.schedule.neighbour_filters import Affinity, AntiAffinity, TopologySpread
from swarmpy.core.schedule.node_filters import Constraints, Kept, Platforms, Ready, Taints
from swarmpy.core.schedule.node_tally import NodeTally
from swarmpy.core.schedule.usage_filters import (
    GenericResources,
    HostPorts,
    MaxReplicas,
    Reservations,
)

NODE_FILTERS: tuple[Filter, ...] = (
    Ready(),
    Kept(),
    Constraints(),
    Taints(),
    Platforms(),
)
USAGE_FILTERS: tuple[Filter, ...] = (
    Reservations(),
    GenericResources(),
    MaxReplicas(),
    HostPorts(),
    Affinity(),
    AntiAffinity(),
)
BALANCE_FILTERS: tuple[Filter, ...] = (TopologySpread(),)
"""Whose answer goes back and forth while tasks are placed; leaf.py keeps to them by itself."""
FILTERS = NODE_FILTERS + USAGE_FILTERS + BALANCE_FILTERS


def asked(filters: Iterable[Filter], need: Need) -> tuple[Filter, ...]:
    """Return the filters that a task needs something of."""
    return tuple(one for one in filters if one.asked(need))


def pass_all(filters: Iterable[Filter], need: Need, on: NodeTally) -> bool:
    """Say whether a node passes every one of these filters."""
    return all(one.passes(need, on) for one in filters)
