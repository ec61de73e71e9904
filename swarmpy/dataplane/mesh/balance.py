"""Chooses which endpoint takes a new connection: the less busy of two drawn at random.

Two random choices come within a hair of always taking the least busy one, and do not send
everybody to the same newcomer. Source: Mitzenmacher, "The Power of Two Choices in Randomized
Load Balancing", 2001.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from typing import Any, Final, TypeAlias

from swarmpy.core.routing import Endpoint

AVOIDED_S: Final = 5.0
"""How long an endpoint that refused gets nothing while others are there. Longer wastes a task
that has just come up; shorter makes clients wait for connects that fail."""

SocketAddress: TypeAlias = tuple[Any, ...]
"""What socket.connect takes."""


class Target:
    """An endpoint, and how it does."""

    __slots__ = ("address", "avoided_until_s", "endpoint", "open")

    def __init__(self, endpoint: Endpoint, address: SocketAddress) -> None:
        self.endpoint = endpoint
        self.address = address
        self.open = 0
        """Connections that it has now."""
        self.avoided_until_s = 0.0


class Balancer:
    """One listener's endpoints. Whoever uses a target counts it up and down again."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._targets: dict[Endpoint, Target] = {}

    def __contains__(self, target: Target) -> bool:
        return self._targets.get(target.endpoint) is target

    def __len__(self) -> int:
        return len(self._targets)

    def set_endpoints(self, endpoints: Mapping[Endpoint, SocketAddress]) -> None:
        """Offer exactly these from now on; those that stay keep their counts."""
        before = self._targets
        self._targets = {}
        for endpoint, address in endpoints.items():
            target = before.get(endpoint)
            if target is None or target.address != address:
                target = Target(endpoint, address)
            self._targets[endpoint] = target

    def pick(self, now_s: float, tried: Collection[Target] = ()) -> Target | None:
        """Return where a new connection goes; None when all there are were tried.

        An avoided target is better than none: all may have refused for one bad moment.
        """
        fresh = [target for target in self._targets.values() if target not in tried]
        willing = [target for target in fresh if target.avoided_until_s <= now_s]
        choice = willing or fresh
        if len(choice) <= 1:
            return choice[0] if choice else None
        one, other = self._rng.sample(choice, 2)
        return one if one.open <= other.open else other

    def refused(self, target: Target, now_s: float) -> None:
        """Avoid a target for a while."""
        target.avoided_until_s = now_s + AVOIDED_S
