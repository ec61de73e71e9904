from __future__ import annotations

from swarmpy.core.gossip_keys import ROTATE_EVERY_MS, SPREAD_MS, SPREAD_SOON_MS
from swarmpy.manager.loops.gossip_keys import GossipKeyDuty
from swarmpy.manager.removal import remember_removed
from swarmpy.manager.seat import Seat
from tests.manager.one_manager import GOSSIP_KEY, leading_seat
from tests.manager.stopped_clock import StoppedClock


def ids(seat: Seat) -> tuple[list[int], int]:
    ring = seat.store.view.cluster.gossip_keys
    return [key.id for key in ring.keys], ring.primary_id


async def test_the_swarms_keys_are_rotated_step_by_step() -> None:
    clock = StoppedClock()
    seat = await leading_seat(clock)
    duty, seen = GossipKeyDuty(seat), []
    for wait_ms in (0, ROTATE_EVERY_MS, SPREAD_MS, ROTATE_EVERY_MS, SPREAD_MS, SPREAD_MS):
        await clock.advance(wait_ms / 1000)
        await duty.look()
        seen.append(ids(seat))
    assert seen == [
        ([1], 1),
        ([1, 2], 1),
        ([1, 2], 2),
        ([1, 2, 3], 2),
        ([1, 2, 3], 3),
        ([2, 3], 3),
    ]
    keys = [one.key for one in seat.store.view.cluster.gossip_keys.keys]
    assert GOSSIP_KEY not in keys
    assert len({*keys}) == len(keys)


async def test_a_swarm_from_before_there_was_gossip_gets_a_key() -> None:
    seat = await leading_seat()
    async with seat.store.update() as tx:
        with tx.clusters.edit("c1") as cluster:
            cluster.ClearField("gossip_keys")
    await GossipKeyDuty(seat).look()
    assert ids(seat) == ([1], 1)


async def test_looking_when_nothing_is_due_writes_nothing() -> None:
    seat = await leading_seat()
    before = seat.store.index
    await GossipKeyDuty(seat).look()
    assert seat.store.index == before


async def test_who_was_removed_knows_no_key_a_few_minutes_later() -> None:
    clock = StoppedClock()
    seat = await leading_seat(clock)
    async with seat.store.update() as tx:
        with tx.clusters.edit("c1") as cluster:
            remember_removed(cluster, "w9")
    duty, seen = GossipKeyDuty(seat), []
    for wait_ms in (0, SPREAD_SOON_MS, SPREAD_SOON_MS):
        await clock.advance(wait_ms / 1000)
        await duty.look()
        seen.append(ids(seat))
    assert seen == [([1, 2], 1), ([1, 2], 2), ([2], 2)]
