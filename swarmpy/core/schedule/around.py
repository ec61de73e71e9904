"""What placement has to know besides nodes and tasks: services, and the swarm's settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from swarmpy.pb.objects_pb2 import Service
from swarmpy.pb.types_pb2 import PLACEMENT_STRATEGY_SPREAD, PlacementStrategy


@dataclass(frozen=True, slots=True)
class Around:
    """What surrounds the tasks that are to be placed."""

    strategy: PlacementStrategy.ValueType = PLACEMENT_STRATEGY_SPREAD
    """Of services that do not say."""
    services: Mapping[str, Service] = field(default_factory=dict)
    """By id; affinities select them by name and labels."""


NOTHING_AROUND = Around()
