"""Whatever order entries come in, tables with the same entries are the same."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.core.gossip.desk import Desk
from swarmpy.core.gossip.events import EndpointChanged, EndpointGone, EndpointHidden
from swarmpy.core.gossip.gossip import Gossip
from swarmpy.core.gossip.profile import DEFAULT
from swarmpy.core.gossip.table import Table
from swarmpy.pb.gossip_pb2 import (
    GOSSIP_HEALTH_UNHEALTHY,
    GOSSIP_STATE_ALIVE,
    GOSSIP_STATE_DEAD,
    GossipEndpoint,
    GossipPacket,
)
from tests.core.gossip_world import entry, node, packet, said, told

ENTRIES = st.builds(
    lambda task, owner, epoch, sequence, removed: entry(
        task, owner, epoch, sequence, removed=removed
    ),
    st.sampled_from(["t1", "t2", "t3"]),
    st.sampled_from(["a", "b"]),
    st.integers(1, 3),
    st.integers(1, 3),
    st.booleans(),
)


def table(entries: list[GossipEndpoint]) -> Table:
    made = Table(Desk(said("me"), DEFAULT, random.Random(1), 0.0))
    for endpoint in entries:
        made.merge(endpoint, 0.0)
    return made


@given(st.lists(ENTRIES, max_size=8), st.randoms())
def test_merging_is_commutative_associative_and_idempotent(
    entries: list[GossipEndpoint], chance: random.Random
) -> None:
    again = entries + entries[: len(entries) // 2]
    chance.shuffle(again)
    one, two = table(entries), table(again)
    assert one.total == two.total
    assert [one.get(("net", t)) for t in ("t1", "t2", "t3")] == [
        two.get(("net", t)) for t in ("t1", "t2", "t3")
    ]


@given(st.lists(ENTRIES, max_size=8), st.lists(ENTRIES, max_size=8))
def test_two_halves_merged_are_the_whole(
    left: list[GossipEndpoint], right: list[GossipEndpoint]
) -> None:
    whole, merged = table(left + right), table(right)
    for task in ("t1", "t2", "t3"):
        endpoint = table(left).get(("net", task))
        if endpoint is not None:
            merged.merge(endpoint, 0.0)
    assert whole.total == merged.total


@given(st.lists(ENTRIES, max_size=12))
def test_a_version_never_goes_back(entries: list[GossipEndpoint]) -> None:
    made = table([])
    for endpoint in entries:
        before = made.get(("net", endpoint.task_id))
        made.merge(endpoint, 0.0)
        after = made.get(("net", endpoint.task_id))
        assert after is not None
        if before is not None:
            ranks = [(e.version.epoch, e.version.sequence) for e in (before, after)]
            assert ranks[0] <= ranks[1]


@pytest.mark.parametrize(
    ("old", "new", "holds"),
    [
        pytest.param((1, 2), (1, 3), "new", id="a-later-sequence"),
        pytest.param((1, 3), (1, 2), "old", id="an-earlier-sequence"),
        pytest.param((1, 9), (2, 1), "new", id="a-later-life"),
        pytest.param((2, 1), (1, 9), "old", id="an-earlier-life"),
    ],
)
def test_epoch_counts_before_sequence(
    old: tuple[int, int], new: tuple[int, int], holds: str
) -> None:
    entries = {"old": entry("t", "a", *old), "new": entry("t", "a", *new)}
    assert table(list(entries.values())).get(("net", "t")) == entries[holds]


def test_equal_tables_have_equal_hashes_and_others_do_not() -> None:
    same = entry("t", "a")
    other = entry("t", "a")
    other.health = GOSSIP_HEALTH_UNHEALTHY
    assert table([same]).total == table([entry("t", "a")]).total != table([other]).total


def knows(gossip: Gossip, *endpoints: GossipEndpoint, now: float = 0.0) -> None:
    gossip.receive(GossipPacket(sender_id="a", endpoints=endpoints), now)


def shown(gossip: Gossip) -> list[str]:
    return sorted(endpoint.task_id for endpoint in gossip.endpoints())


def test_a_death_hides_what_a_node_owns_and_its_return_shows_it_at_once() -> None:
    gossip = node("a", "b", "x")
    knows(gossip, entry("t", "x"), entry("u", "b"))
    before = gossip.table_hash
    gossip.receive(packet(told(GOSSIP_STATE_DEAD, "x")), 1.0)
    assert shown(gossip) == ["u"]
    assert EndpointHidden(("net", "t")) in gossip.events()
    assert gossip.table_hash == before
    gossip.receive(packet(told(GOSSIP_STATE_ALIVE, "x", 1, 1)), 2.0)
    assert shown(gossip) == ["t", "u"]
    assert EndpointChanged(entry("t", "x")) in gossip.events()


def test_an_endpoint_of_somebody_unknown_waits_for_its_owner() -> None:
    gossip = node("a")
    knows(gossip, entry("t", "stranger"))
    assert shown(gossip) == []
    gossip.receive(packet(told(GOSSIP_STATE_ALIVE, "stranger")), 1.0)
    assert shown(gossip) == ["t"]


def test_what_changes_while_its_owner_is_away_is_right_when_it_is_back() -> None:
    gossip = node("a", "x")
    knows(gossip, entry("t", "x"), entry("u", "x"))
    gossip.receive(packet(told(GOSSIP_STATE_DEAD, "x")), 1.0)
    knows(gossip, entry("t", "x", sequence=2, removed=True), entry("v", "x", sequence=3))
    gossip.receive(packet(told(GOSSIP_STATE_ALIVE, "x", 1, 1)), 2.0)
    assert shown(gossip) == ["u", "v"]


def test_a_tombstone_outlives_every_copy_of_what_it_buries() -> None:
    made = table([entry("t", "a"), entry("u", "b")])
    made.show("b")
    made.merge(entry("t", "a", sequence=2, removed=True), 0.0)
    made.reap(DEFAULT.hidden_s + 1)
    assert made.get(("net", "t")) is None, "its owner was never up"
    made.merge(entry("u", "b", sequence=2, removed=True), 10.0)
    made.reap(10.0 + DEFAULT.tombstone_s)
    assert made.get(("net", "u")) is not None
    made.reap(11.0 + DEFAULT.tombstone_s)
    assert made.get(("net", "u")) is None
    assert made.total == 0


def test_what_was_hidden_for_long_is_not_taken_again_before_its_owner_is_up() -> None:
    made = table([entry("t", "a")])
    made.reap(DEFAULT.hidden_s + 1)
    assert not made.merge(entry("t", "a", sequence=2), 0.0)
    made.show("a")
    assert made.merge(entry("t", "a", sequence=2), 0.0)


def test_forgetting_a_node_drops_all_it_owns() -> None:
    gossip = node("a", "x")
    knows(gossip, entry("t", "x"))
    gossip.forget("x", 1.0)
    assert shown(gossip) == []
    assert EndpointGone(("net", "t")) in gossip.events()
    knows(gossip, entry("t", "x", sequence=5), now=2.0)
    assert gossip.table_hash == 0


# --- what a node writes itself


def written(gossip: Gossip) -> list[tuple[str, int, int]]:
    return sorted((e.task_id, e.version.epoch, e.version.sequence) for e in gossip.endpoints())


def test_each_change_has_a_version_of_its_own_and_no_change_has_none() -> None:
    gossip = node("a")
    gossip.put(entry("t"), 0.0)
    gossip.put(entry("t"), 0.0)
    gossip.put(entry("u"), 0.0)
    assert written(gossip) == [("t", 5, 1), ("u", 5, 2)]
    gossip.remove(("net", "t"), 0.0)
    gossip.remove(("net", "t"), 0.0)
    gossip.put(entry("t"), 0.0)
    assert written(gossip) == [("t", 5, 4), ("u", 5, 2)]


def test_what_an_earlier_life_put_stays_until_this_one_has_looked() -> None:
    gossip = node("a")
    knows(gossip, entry("kept", "me", 4, 1), entry("gone", "me", 4, 2))
    gossip.put(entry("kept"), 1.0)
    assert shown(gossip) == ["gone", "kept"]
    gossip.settle(2.0)
    assert shown(gossip) == ["kept"]


def test_what_is_told_in_our_name_later_is_set_right() -> None:
    gossip = node("a")
    gossip.put(entry("t"), 0.0)
    gossip.settle(0.0)
    knows(gossip, entry("t", "me", 5, 9), entry("ghost", "me", 4, 2), now=1.0)
    assert written(gossip) == [("t", 5, 10)]


def test_nobody_writes_what_another_owns() -> None:
    gossip = node("a", "x")
    knows(gossip, entry("t", "x"))
    gossip.remove(("net", "t"), 1.0)
    gossip.settle(1.0)
    assert shown(gossip) == ["t"]
