"""What all machines of a simulated swarm share."""

from __future__ import annotations

import random
from dataclasses import dataclass

from swarmpy.testing.invariants import Invariants
from swarmpy.testing.memory_network import MemoryNetwork
from swarmpy.testing.story import Story


@dataclass(frozen=True, slots=True)
class World:
    """One seed, one network, one story, one judge."""

    seed: int
    network: MemoryNetwork
    story: Story
    invariants: Invariants
    managers: tuple[str, ...]
    """Names of the nodes that are managers, the founder first."""

    def rng(self, purpose: str) -> random.Random:
        """Return a source of chance of its own, so that no part disturbs another's."""
        return random.Random(f"{self.seed}/{purpose}")
