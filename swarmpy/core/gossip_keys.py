"""Says when the swarm's gossip keys change, in steps between which no packet is lost.

    [a, b*]  --12 h-->  [a, b*, c]  --10 min-->  [a, b, c*]  --10 min-->  [b, c*]      * seals

A key seals only when every node has had ten minutes to get it, and goes only when nobody has sealed
with it for half a day: a node that was away from the managers meanwhile still hears the others, and
is heard. A step is due when it is; a leader that comes late takes it late.
"""

from __future__ import annotations

from typing import Final

from swarmpy.pb.types_pb2 import GossipKey, GossipKeyRing

KEYS_MAX: Final = 3
KEY_BYTES: Final = 32
ROTATE_EVERY_MS: Final = 12 * 3600 * 1000
"""Raised: a key that was stolen is good for longer, and more packets share it."""
SPREAD_MS: Final = 10 * 60 * 1000
"""How long a step takes to be everywhere. Raised: nodes may be away from managers for longer
while keys change; lowered below what an agent takes to reconnect: packets are lost."""


def first_ring(key: bytes, now_ms: int) -> GossipKeyRing:
    """Return what a new swarm begins with."""
    assert len(key) == KEY_BYTES
    return GossipKeyRing(keys=[GossipKey(id=1, key=key)], primary_id=1, changed_at_ms=now_ms)


def due_at_ms(ring: GossipKeyRing) -> int:
    """Return when the next step is due."""
    return ring.changed_at_ms + (ROTATE_EVERY_MS if _is_at_rest(ring) else SPREAD_MS)


def next_ring(ring: GossipKeyRing, fresh: bytes, now_ms: int) -> GossipKeyRing | None:
    """Return the ring after the step that is due; None when none is.

    `fresh` is a key that may be added.
    """
    if not ring.keys:
        return first_ring(fresh, now_ms)
    if now_ms < due_at_ms(ring):
        return None
    newest_id = ring.keys[-1].id
    after = GossipKeyRing(keys=ring.keys, primary_id=ring.primary_id, changed_at_ms=now_ms)
    if not _is_at_rest(ring) and ring.primary_id != newest_id:
        after.primary_id = newest_id
    elif not _is_at_rest(ring):
        del after.keys[:-2]
    else:
        assert len(fresh) == KEY_BYTES
        after.keys.append(GossipKey(id=newest_id + 1, key=fresh))
    return after


def _is_at_rest(ring: GossipKeyRing) -> bool:
    """Whether the newest key seals, and one older at most is kept."""
    return len(ring.keys) < KEYS_MAX and ring.primary_id == ring.keys[-1].id
