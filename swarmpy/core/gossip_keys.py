"""Says when the swarm's gossip keys change, in steps between which no packet is lost.

    [a, b*]  --12 h-->  [a, b*, c]  --10 min-->  [a, b, c*]  --10 min-->  [b, c*]      * seals

A key seals only when every node has had ten minutes to get it, and goes only when nobody has sealed
with it for half a day: a node that was away from the managers meanwhile still hears the others, and
is heard. A step is due when it is; a leader that comes late takes it late.

When a node is removed, all keys that it may know are distrusted, and go in steps of a minute:

    [a, b*]  --at once-->  [a, b*, c]  --1 min-->  [a, b, c*]  --1 min-->  [c*]

Who is away from the managers for longer gossips again when it has heard from one. If nodes are
removed again and again, steps that are due come before new keys, so that they come to an end.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from swarmpy.pb.types_pb2 import GossipKey, GossipKeyRing

KEYS_MAX: Final = 3
KEY_BYTES: Final = 32
ROTATE_EVERY_MS: Final = 12 * 3600 * 1000
"""Raised: a key that was stolen is good for longer, and more packets share it."""
SPREAD_MS: Final = 10 * 60 * 1000
"""How long a step takes to be everywhere. Raised: nodes may be away from managers for longer
while keys change; lowered below what an agent takes to reconnect: packets are lost."""
SPREAD_SOON_MS: Final = 60 * 1000
"""The same while keys are distrusted. Raised: a node that was removed hears for longer."""


class _Step(Enum):
    ADD = auto()
    SEAL = auto()
    DROP = auto()


def first_ring(key: bytes, now_ms: int) -> GossipKeyRing:
    """Return what a new swarm begins with."""
    assert len(key) == KEY_BYTES
    return GossipKeyRing(keys=[GossipKey(id=1, key=key)], primary_id=1, changed_at_ms=now_ms)


def distrusted(ring: GossipKeyRing) -> GossipKeyRing:
    """Return the ring after a node was removed that may know all of its keys."""
    after = GossipKeyRing()
    after.CopyFrom(ring)
    if ring.keys:
        after.distrusted_id = ring.keys[-1].id
    return after


def due_at_ms(ring: GossipKeyRing) -> int:
    """Return when the next step is due."""
    return ring.changed_at_ms + _next_step(ring)[1]


def next_ring(ring: GossipKeyRing, fresh: bytes, now_ms: int) -> GossipKeyRing | None:
    """Return the ring after the step that is due; None when none is.

    `fresh` is a key that may be added.
    """
    if not ring.keys:
        return first_ring(fresh, now_ms)
    step, wait_ms = _next_step(ring)
    if now_ms < ring.changed_at_ms + wait_ms:
        return None
    after = GossipKeyRing()
    after.CopyFrom(ring)
    after.changed_at_ms = now_ms
    newest_id = ring.keys[-1].id
    match step:
        case _Step.SEAL:
            after.primary_id = newest_id
        case _Step.ADD:
            assert len(fresh) == KEY_BYTES
            after.keys.append(GossipKey(id=newest_id + 1, key=fresh))
            del after.keys[:-KEYS_MAX]
        case _Step.DROP:
            kept = [key for key in ring.keys if key.id > ring.distrusted_id]
            del after.keys[:]
            after.keys.extend(kept[-(KEYS_MAX - 1) :])
            after.distrusted_id = 0
    return after


def _next_step(ring: GossipKeyRing) -> tuple[_Step, int]:
    """Return what comes next, and how long after the last change."""
    newest_id = ring.keys[-1].id
    spread_ms = SPREAD_SOON_MS if ring.distrusted_id else SPREAD_MS
    is_full = len(ring.keys) == KEYS_MAX
    if ring.primary_id != newest_id:
        return _Step.SEAL, spread_ms
    if ring.distrusted_id == newest_id:
        # The oldest makes room for it, with which nobody must seal any more.
        return _Step.ADD, spread_ms if is_full else 0
    if ring.distrusted_id or is_full:
        return _Step.DROP, spread_ms
    return _Step.ADD, ROTATE_EVERY_MS
