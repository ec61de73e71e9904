"""What the network does to what is sent: loss, delay, cuts one way and both, partitions."""

from __future__ import annotations

import random

HANDSHAKE_TRIPS = 3
"""One-way trips before a stream's first frame is there."""
RESEND_S = 0.2
"""A lost segment of a stream comes so much later; twice that when it is lost again."""


class Weather:
    """Same for all links, but for what is cut."""

    def __init__(self, rng: random.Random, *, loss: float = 0.0) -> None:
        self.loss = loss
        self.delay_s = (0.0003, 0.002)
        self.cuts: set[tuple[int, int]] = set()
        """(from, to): nothing passes."""
        self.groups: dict[int, int] = {}
        """Machines of different groups do not hear each other; who has none is in group 0."""
        self._random = rng.random

    def passes(self, sender: int, receiver: int) -> bool:
        """Whether there is a way at all."""
        if self.cuts and (sender, receiver) in self.cuts:
            return False
        groups = self.groups
        return not groups or groups.get(sender, 0) == groups.get(receiver, 0)

    def datagram_s(self, sender: int, receiver: int) -> float | None:
        """Return how long a datagram takes; None when it is lost."""
        if self.loss and self._random() < self.loss:
            return None
        if (self.cuts or self.groups) and not self.passes(sender, receiver):
            return None
        return self._delay_s()

    def stream_s(self, sender: int, receiver: int, *, opens: bool) -> float | None:
        """Return how long a frame takes; None when there is no connection.

        Loss makes streams slow, not lossy.
        """
        if not self.passes(sender, receiver) or not self.passes(receiver, sender):
            return None
        trips = HANDSHAKE_TRIPS if opens else 1
        delay_s = 0.0
        for _ in range(trips):
            delay_s += self._delay_s()
            resend_s = RESEND_S
            while self.loss and self._random() < self.loss:
                delay_s += resend_s
                resend_s *= 2
        return delay_s

    def _delay_s(self) -> float:
        low, high = self.delay_s
        return low + (high - low) * self._random() * self._random()
