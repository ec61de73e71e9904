"""Encrypts what a manager writes, so that a stolen disk tells nothing."""

from __future__ import annotations

import random
from dataclasses import dataclass

from swarmpy.security.data_keys import DataKeys


@dataclass(slots=True)
class Sealing:
    """What log and snapshots are sealed with; `keys` may be replaced at any time."""

    cluster_id: str
    """Files of another swarm are refused."""
    keys: DataKeys
    rng: random.Random
    """Salts and nonces come from it: in production a `random.SystemRandom`."""
