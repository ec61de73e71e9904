"""One simulated node: the real gossip on a clock of its own, that may be slow, paused or down."""

from __future__ import annotations

import random

from swarmpy.core.gossip.gossip import Gossip
from swarmpy.core.gossip.profile import Profile
from swarmpy.pb.gossip_pb2 import GossipMember

NEVER = float("inf")


class Machine:
    """Number `index`; its address is its number."""

    __slots__ = (
        "bytes_sent",
        "drift",
        "epoch",
        "gossip",
        "index",
        "is_host_up",
        "is_leaving",
        "is_up",
        "lag_s",
        "node_id",
        "offset_s",
        "packets_sent",
        "paused_until",
        "profile",
        "rng",
        "wake_at",
    )

    def __init__(self, index: int, profile: Profile, rng: random.Random) -> None:
        self.index = index
        self.node_id = f"node{index:012d}"
        self.profile = profile
        self.rng = rng
        self.epoch = 1_790_000_000_000
        self.offset_s = 0.0
        self.drift = 1.0
        """Seconds of its clock in a second."""
        self.lag_s = 0.0
        """What comes in is handled up to so much later."""
        self.paused_until = 0.0
        self.is_up = True
        self.is_host_up = True
        """Whether it refuses streams while its process is down."""
        self.is_leaving = False
        self.wake_at = NEVER
        """When the next wake-up is on the heap for, in true time."""
        self.bytes_sent = 0
        self.packets_sent = 0
        self.gossip = self._born(0.0)

    def said(self) -> GossipMember:
        """Return what it says of itself in this life."""
        return GossipMember(node_id=self.node_id, address=str(self.index), epoch=self.epoch)

    def restart(self, true_s: float) -> None:
        """Begin another life, that knows nothing."""
        self.epoch += 1
        self.is_up, self.is_host_up, self.is_leaving = True, True, False
        self.gossip = self._born(true_s)

    def local_s(self, true_s: float) -> float:
        """Return what its clock says."""
        return self.offset_s + true_s * self.drift

    def true_s(self, local_s: float) -> float:
        """Return when its clock says so."""
        return (local_s - self.offset_s) / self.drift

    def _born(self, true_s: float) -> Gossip:
        return Gossip(self.said(), self.profile, self.rng, self.local_s(true_s))
