import itertools

from hypothesis import given
from hypothesis import strategies as st

from swarmpy.core.gossip_keys import (
    KEY_BYTES,
    KEYS_MAX,
    ROTATE_EVERY_MS,
    SPREAD_MS,
    SPREAD_SOON_MS,
    distrusted,
    due_at_ms,
    first_ring,
    next_ring,
)
from swarmpy.pb.types_pb2 import GossipKeyRing

T0 = 1_000_000


def fresh(number: int) -> bytes:
    return number.to_bytes(KEY_BYTES, "big")


def steps(count: int) -> list[GossipKeyRing]:
    """Return the rings of so many steps, each taken when it is due."""
    rings = [first_ring(fresh(1), T0)]
    for number in range(count):
        after = next_ring(rings[-1], fresh(100 + number), due_at_ms(rings[-1]))
        assert after is not None
        rings.append(after)
    return rings


def shape(ring: GossipKeyRing) -> tuple[list[int], int]:
    return [key.id for key in ring.keys], ring.primary_id


def test_a_key_is_added_then_used_and_the_oldest_goes_last() -> None:
    assert [shape(ring) for ring in steps(8)] == [
        ([1], 1),
        ([1, 2], 1),
        ([1, 2], 2),
        ([1, 2, 3], 2),
        ([1, 2, 3], 3),
        ([2, 3], 3),
        ([2, 3, 4], 3),
        ([2, 3, 4], 4),
        ([3, 4], 4),
    ]


def test_nothing_happens_before_a_step_is_due() -> None:
    for ring in steps(8):
        assert next_ring(ring, fresh(9), due_at_ms(ring) - 1) is None


def test_steps_of_a_rotation_are_minutes_apart_and_rotations_half_a_day() -> None:
    waits = [b.changed_at_ms - a.changed_at_ms for a, b in itertools.pairwise(steps(8))]
    assert waits == [
        ROTATE_EVERY_MS,
        SPREAD_MS,
        ROTATE_EVERY_MS,
        SPREAD_MS,
        SPREAD_MS,
        ROTATE_EVERY_MS,
        SPREAD_MS,
        SPREAD_MS,
    ]


def test_when_a_node_is_removed_no_key_that_it_may_know_outlasts_three_steps() -> None:
    rings, waits = [distrusted(steps(2)[-1])], []
    for number in range(3):
        before = rings[-1]
        after = next_ring(before, fresh(200 + number), due_at_ms(before))
        assert after is not None
        waits.append(after.changed_at_ms - before.changed_at_ms)
        rings.append(after)
    assert [shape(ring) for ring in rings] == [
        ([1, 2], 2),
        ([1, 2, 3], 2),
        ([1, 2, 3], 3),
        ([3], 3),
    ]
    assert waits == [0, SPREAD_SOON_MS, SPREAD_SOON_MS]
    assert due_at_ms(rings[-1]) == rings[-1].changed_at_ms + ROTATE_EVERY_MS


@given(st.integers(0, 8), st.lists(st.booleans(), min_size=1, max_size=30))
def test_whenever_nodes_are_removed_distrust_ends_and_no_step_locks_anybody_out(
    count: int, removals: list[bool]
) -> None:
    ring, number = steps(count)[-1], 1000
    for is_removed in [*removals, *[False] * 8]:
        if is_removed:
            ring = distrusted(ring)
        before, number = ring, number + 1
        after = next_ring(before, fresh(number), due_at_ms(before))
        assert after is not None
        assert len(after.keys) <= KEYS_MAX
        for one, other in ((before, after), (after, before)):
            assert one.primary_id in {key.id for key in other.keys}
        ring = after
    assert not ring.distrusted_id


def test_removals_that_never_end_do_not_keep_an_old_key_for_ever() -> None:
    ring = first_ring(fresh(1), T0)
    for number in range(20):
        after = next_ring(distrusted(ring), fresh(100 + number), due_at_ms(distrusted(ring)))
        assert after is not None
        ring = after
    assert ring.keys[0].id > 5
    assert ring.changed_at_ms - T0 <= 20 * SPREAD_SOON_MS


def test_a_swarm_without_keys_gets_one_at_once() -> None:
    assert next_ring(GossipKeyRing(), fresh(7), T0) == first_ring(fresh(7), T0)


@given(st.integers(0, 40))
def test_whoever_is_a_step_behind_hears_everybody_and_is_heard(count: int) -> None:
    before, after = steps(count + 1)[-2:]
    assert len(after.keys) <= KEYS_MAX
    for one, other in ((before, after), (after, before)):
        assert one.primary_id in {key.id for key in other.keys}
    assert len({key.key for key in after.keys}) == len(after.keys)
