import itertools
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.errors import InvalidInput
from swarmpy.gossip.rate import Rate
from swarmpy.gossip.replay import WIDTH, ReplayWindow
from swarmpy.gossip.wire import (
    DATAGRAM_MAX_BYTES,
    NUMBERS,
    OVERHEAD_BYTES,
    PLAIN_MAX_BYTES,
    Refusal,
    Wire,
)
from swarmpy.pb.types_pb2 import GossipKey, GossipKeyRing

HERE = ("127.0.0.1", 7947)
PLAIN = b"who is there?"


def ring(*ids: int, primary: int | None = None) -> GossipKeyRing:
    keys = [GossipKey(id=one, key=bytes([one]) * 32) for one in ids]
    return GossipKeyRing(keys=keys, primary_id=ids[-1] if primary is None else primary)


def wire(seed: int = 1, cluster_id: str = "c1", keys: GossipKeyRing | None = None) -> Wire:
    made = Wire(cluster_id, random.Random(seed), 0.0)
    made.set_keys(ring(1) if keys is None else keys)
    return made


def sealed(by: Wire, plain: bytes = PLAIN) -> bytes:
    data = by.seal(plain)
    assert data is not None
    return data


def refused(by: Wire) -> dict[str, int]:
    return {reason: count for reason, count in by.dropped.items() if count}


def test_what_one_node_seals_another_opens_once() -> None:
    data, other = sealed(wire(1)), wire(2)
    assert other.open(data, HERE, 0.0) == PLAIN
    assert other.open(data, HERE, 0.0) is None
    assert refused(other) == {"replayed": 1}


def test_a_packet_is_never_too_long_for_a_tunnel() -> None:
    a = wire()
    assert len(sealed(a, bytes(PLAIN_MAX_BYTES))) == DATAGRAM_MAX_BYTES
    assert a.seal(bytes(PLAIN_MAX_BYTES + 1)) is None
    assert PLAIN_MAX_BYTES == 1343


def test_own_packets_sent_back_are_not_heard() -> None:
    a = wire()
    assert a.open(sealed(a), HERE, 0.0) is None
    assert refused(a) == {"replayed": 1}


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: sealed(wire(cluster_id="c2")), "forged"),
        (lambda: sealed(wire(keys=ring(2))), "foreign"),
        (lambda: sealed(wire())[:-1], "forged"),
        (lambda: sealed(wire())[: OVERHEAD_BYTES - 1], "size"),
        (lambda: sealed(wire()) + bytes(DATAGRAM_MAX_BYTES), "size"),
        (lambda: b"", "size"),
        (lambda: b"\x21" + sealed(wire())[1:], "foreign"),
    ],
    ids=["other swarm", "other key", "cut", "too short", "too long", "empty", "other version"],
)
def test_what_is_not_ours_is_dropped_and_counted(make: Callable[[], bytes], reason: str) -> None:
    other = wire(2)
    assert other.open(make(), HERE, 0.0) is None
    assert refused(other) == {reason: 1}


def test_without_keys_nothing_is_said_or_heard() -> None:
    deaf = wire(2, keys=GossipKeyRing())
    assert deaf.seal(PLAIN) is None
    assert deaf.open(sealed(wire()), HERE, 0.0) is None
    assert refused(deaf) == {"unsent": 1, "foreign": 1}


def test_no_packet_is_lost_while_keys_are_rotated_one_node_after_the_other() -> None:
    steps = [ring(1, 2, primary=2), ring(1, 2, 3, primary=2), ring(1, 2, 3), ring(2, 3)]
    for before, after in itertools.pairwise(steps):
        late, early = wire(1, keys=before), wire(2, keys=after)
        assert early.open(sealed(late), HERE, 0.0) == PLAIN
        assert late.open(sealed(early), HERE, 0.0) == PLAIN


@pytest.mark.parametrize(
    "bad",
    [
        ring(1, 2, 3, 4),
        ring(1, primary=2),
        ring(1, 17),
        GossipKeyRing(keys=[GossipKey(id=1, key=b"short")], primary_id=1),
    ],
    ids=["four keys", "no such primary", "ids that look alike", "short key"],
)
def test_a_ring_that_cannot_be_used_changes_nothing(bad: GossipKeyRing) -> None:
    a = wire()
    with pytest.raises(InvalidInput):
        a.set_keys(bad)
    assert wire(2).open(sealed(a), HERE, 0.0) == PLAIN


def test_no_nonce_comes_twice_also_when_all_numbers_are_used() -> None:
    a = wire()
    first = sealed(a)
    a._number = NUMBERS - 1
    last, next_life = sealed(a), sealed(a)
    nonces = [data[1:13] for data in (first, last, next_life)]
    assert len(set(nonces)) == 3
    assert next_life[1:9] != last[1:9]
    assert next_life[9:13] == bytes(4)
    other = wire(2)
    assert [other.open(data, HERE, 0.0) for data in (first, last, next_life)] == [PLAIN] * 3


def test_a_sender_of_too_much_is_not_heard_and_others_are() -> None:
    a, b = wire(1), Wire("c1", random.Random(2), 0.0, a_peer=Rate(per_s=10, burst=3))
    b.set_keys(ring(1))
    heard = [b.open(sealed(a), HERE, 0.0) for _ in range(6)]
    assert heard.count(PLAIN) == 4  # the first, as a stranger, and its bucket
    assert refused(b) == {"rate": 2}
    assert b.open(sealed(wire(3)), ("127.0.0.2", 7947), 0.0) == PLAIN
    assert b.open(sealed(a), HERE, 0.1) == PLAIN


def test_noise_from_everywhere_takes_no_memory_and_no_peers_turn() -> None:
    a = wire(1)
    b = Wire("c1", random.Random(2), 0.0, strangers=Rate(per_s=10, burst=100))
    b.set_keys(ring(1))
    assert b.open(sealed(a), HERE, 0.0) == PLAIN
    noise = bytearray(sealed(wire(3)))
    noise[-1] ^= 1
    for port in range(1000):
        assert b.open(bytes(noise), ("10.0.0.1", port), 0.0) is None
    assert refused(b) == {"forged": 99, "rate": 901}
    assert (len(b._peers), len(b._windows)) == (1, 1)
    assert b.open(sealed(a), HERE, 0.0) == PLAIN


@given(st.binary(max_size=1500))
def test_any_bytes_are_dropped(data: bytes) -> None:
    other = wire(2)
    assert other.open(data, HERE, 0.0) is None
    assert sum(other.dropped.values()) == 1


@given(st.binary(max_size=200), st.data())
def test_any_flipped_bit_is_noticed(plain: bytes, data: st.DataObject) -> None:
    packet = bytearray(sealed(wire(1), plain))
    bit = data.draw(st.integers(0, len(packet) * 8 - 1))
    packet[bit // 8] ^= 1 << bit % 8
    assert wire(2).open(bytes(packet), HERE, 0.0) is None


@given(st.binary(max_size=200), st.data())
def test_any_cut_packet_is_dropped(plain: bytes, data: st.DataObject) -> None:
    packet = sealed(wire(1), plain)
    assert wire(2).open(packet[: data.draw(st.integers(0, len(packet) - 1))], HERE, 0.0) is None


@given(st.lists(st.integers(0, 3000), max_size=60))
def test_a_window_admits_a_number_once_and_nothing_that_is_too_old(numbers: list[int]) -> None:
    window, seen = ReplayWindow(), set[int]()
    for number in numbers:
        newest = max(seen, default=-1)
        expected = number not in seen and number > newest - WIDTH
        assert window.admit(number) == expected
        if expected:
            seen.add(number)


def test_every_reason_is_counted_from_the_start() -> None:
    assert set(wire().dropped) == {reason.value for reason in Refusal}
