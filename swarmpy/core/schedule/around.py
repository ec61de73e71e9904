"""What placement has to know besides nodes and tasks: the swarm's settings."""

from __future__ import annotations

from dataclasses import dataclass

from swarmpy.pb.types_pb2 import PLACEMENT_STRATEGY_SPREAD, PlacementStrategy


@dataclass(frozen=True, slots=True)
class Around:
    """What surrounds the tasks that are to be placed."""

    strategy: PlacementStrategy.ValueType = PLACEMENT_STRATEGY_SPREAD
    """Of services that do not say."""


NOTHING_AROUND = Around()
