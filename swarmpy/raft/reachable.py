"""Which peers were heard lately. Followers have nothing to say to each other, so all ping."""

from __future__ import annotations

from collections.abc import Iterable

from swarmpy.raft.frames import ping
from swarmpy.raft.replication import Send

PINGS_PER_TIMEOUT = 3
"""Pings in the time after which a silent peer counts as lost. Raised: fewer false alarms on a
slow network, and one more small frame to each peer each second."""


class Reachable:
    def __init__(self, send: Send, timeout_s: float) -> None:
        self._send = send
        self._timeout_s = timeout_s
        self._heard_at: dict[str, float] = {}
        self._pinged_at = float("-inf")

    def heard(self, peer: str, now: float) -> None:
        self._heard_at[peer] = now

    def among(self, peers: Iterable[str], now: float) -> frozenset[str]:
        """Return the peers that were heard within the timeout."""
        since = now - self._timeout_s
        return frozenset(p for p in peers if self._heard_at.get(p, float("-inf")) > since)

    def ping_if_due(self, peers: Iterable[str], term: int, now: float) -> None:
        if now - self._pinged_at >= self._timeout_s / PINGS_PER_TIMEOUT:
            self._pinged_at = now
            for peer in peers:
                self._send(peer, ping(term))
