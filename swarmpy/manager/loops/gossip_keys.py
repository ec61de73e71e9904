"""Makes and rotates the keys of the swarm's gossip. The decision is in core/gossip_keys.py."""

from __future__ import annotations

import structlog

from swarmpy.core.gossip_keys import KEY_BYTES, next_ring
from swarmpy.manager.duty import repeat
from swarmpy.manager.seat import Seat
from swarmpy.pb.objects_pb2 import Cluster
from swarmpy.pb.types_pb2 import GossipKeyRing
from swarmpy.store.editor import Editor

log = structlog.get_logger()


class GossipKeyDuty:
    """Looks over and over; a swarm that has no keys yet gets one with the first look.

    No control loop, for a decision cannot make keys.
    """

    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    async def run(self) -> None:
        """Rotate until cancelled."""
        every_s = self._seat.settings.gossip_keys_check_s
        await repeat(self.look, self._seat.clock, every_s, "gossip_keys_unchanged")

    async def look(self) -> None:
        """Take the step that is due, if one is."""
        if not any(self._after(cluster) for cluster in self._seat.store.view.clusters):
            return

        def decide(tx: Editor) -> None:
            after = self._after(tx.view.cluster)
            if after is not None:
                with tx.clusters.edit(tx.view.cluster.id) as cluster:
                    cluster.gossip_keys.CopyFrom(after)
                log.info(
                    "gossip_keys_changed",
                    ids=[one.id for one in after.keys],
                    seals=after.primary_id,
                )

        await self._seat.write(decide)

    def _after(self, cluster: Cluster) -> GossipKeyRing | None:
        fresh = self._seat.rng.randbytes(KEY_BYTES)
        return next_ring(cluster.gossip_keys, fresh, self._seat.now_ms)
