"""What becomes of a member is decided by (epoch, incarnation), not by the order of hearing."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.core.gossip import fingerprint
from swarmpy.core.gossip.events import MemberBack, MemberDead, MemberLeft
from swarmpy.core.gossip.gossip import Gossip
from swarmpy.core.gossip.profile import DEFAULT
from swarmpy.pb.gossip_pb2 import (
    GOSSIP_STATE_ALIVE,
    GOSSIP_STATE_DEAD,
    GOSSIP_STATE_LEFT,
    GOSSIP_STATE_SUSPECT,
    GossipDigest,
    GossipFrame,
    GossipPacket,
    GossipPing,
    GossipState,
)
from tests.core.gossip_world import entry, node, packet, run, said, state_of, told

ALIVE, SUSPECT = GOSSIP_STATE_ALIVE, GOSSIP_STATE_SUSPECT
DEAD, LEFT = GOSSIP_STATE_DEAD, GOSSIP_STATE_LEFT


@pytest.mark.parametrize(
    ("first", "second", "state"),
    [
        pytest.param((ALIVE, 1, 3), (SUSPECT, 1, 3), SUSPECT, id="a-doubt-of-the-same-version"),
        pytest.param((ALIVE, 1, 3), (SUSPECT, 1, 2), ALIVE, id="a-doubt-that-is-outdated"),
        pytest.param((SUSPECT, 1, 3), (ALIVE, 1, 3), SUSPECT, id="no-refutation"),
        pytest.param((SUSPECT, 1, 3), (ALIVE, 1, 4), ALIVE, id="a-refutation"),
        pytest.param((DEAD, 1, 3), (ALIVE, 1, 3), DEAD, id="the-dead-stay-dead"),
        pytest.param((DEAD, 1, 3), (ALIVE, 1, 4), ALIVE, id="unless-they-say-otherwise"),
        pytest.param((DEAD, 1, 9), (ALIVE, 2, 0), ALIVE, id="another-life"),
        pytest.param((ALIVE, 2, 0), (DEAD, 1, 9), ALIVE, id="the-death-of-an-earlier-life"),
        pytest.param((LEFT, 1, 3), (SUSPECT, 1, 3), LEFT, id="who-left-is-not-missed"),
        pytest.param((LEFT, 1, 3), (ALIVE, 1, 4), ALIVE, id="who-left-comes-back"),
    ],
)
def test_the_newer_version_holds_and_at_one_version_the_worse_state(
    first: tuple[GossipState.ValueType, int, int],
    second: tuple[GossipState.ValueType, int, int],
    state: GossipState.ValueType,
) -> None:
    gossip = node("a", "b", "c", "x")
    gossip.receive(packet(told(first[0], "x", *first[1:])), 1.0)
    gossip.receive(packet(told(second[0], "x", *second[1:])), 1.0)
    assert state_of(gossip, "x") == state


@given(
    st.lists(
        st.tuples(st.sampled_from([ALIVE, DEAD, LEFT]), st.integers(1, 2), st.integers(0, 2)),
        min_size=1,
        max_size=5,
    )
)
def test_in_every_order_of_arrival_the_same_is_believed(
    rumours: list[tuple[GossipState.ValueType, int, int]],
) -> None:
    ends = set()
    for order in itertools.islice(itertools.permutations(rumours), 24):
        gossip = node("a", "b", "x")
        for state, epoch, incarnation in order:
            gossip.receive(packet(told(state, "x", epoch, incarnation)), 1.0)
        ends.add((state_of(gossip, "x"), gossip.alive))
    assert len(ends) == 1


@pytest.mark.parametrize("state", [SUSPECT, DEAD, LEFT])
def test_who_hears_of_its_own_end_refutes_it_with_a_larger_incarnation(
    state: GossipState.ValueType,
) -> None:
    gossip = node("a", "b")
    gossip.receive(packet(told(state, "me", 5, 7)), 1.0)
    assert (gossip.me.epoch, gossip.me.incarnation) == (5, 8)
    assert gossip.health == 1
    assert told(ALIVE, "me", 5, 8) in [r for p in run(gossip, 1.0, 2.0) for r in p.rumours]


def test_an_outdated_rumour_about_oneself_is_not_worth_an_answer() -> None:
    gossip = node("a", "b")
    gossip.receive(packet(told(DEAD, "me", 4, 99)), 1.0)
    assert (gossip.me.epoch, gossip.me.incarnation) == (5, 0)


def test_who_is_known_from_a_later_life_begins_one_later_still() -> None:
    gossip = node("a")
    gossip.put(entry("t"), 0.0)
    gossip.receive(packet(told(ALIVE, "me", 9, 2)), 1.0)
    assert gossip.me.epoch == 10
    assert [e.version.epoch for e in gossip.endpoints()] == [10]


def test_who_leaves_does_not_refute_and_is_known_to_have_left() -> None:
    gossip, other = node("a"), node("me", me="a")
    other.receive(packet(told(ALIVE, "me", 5, 0), sender="me"), 0.0)
    gossip.leave(1.0)
    gossip.receive(packet(told(DEAD, "me", 5, 0)), 1.0)
    for sent in run(gossip, 1.0, 2.0):
        other.receive(sent, 2.0)
    assert state_of(other, "me") == LEFT
    assert MemberLeft("me") in other.events()


def suspect(
    gossip: Gossip, name: str, *sources: str, now: float = 1.0, refused: bool = False
) -> None:
    for source in sources:
        said = told(SUSPECT, name, 1, 0, source, refused=refused)
        gossip.receive(packet(said, sender=source), now)


def test_a_suspicion_that_others_confirm_ends_early_and_certain() -> None:
    gossip = node(*"abcdefghij", "x")
    suspect(gossip, "x", "a", "b", "c")
    gossip.tick(1.0)
    end = 1.0 + DEFAULT.suspicion_bounds(gossip.alive).silent_s
    run(gossip, 1.0, end - 0.01)
    assert state_of(gossip, "x") == SUSPECT
    run(gossip, end - 0.01, end + 0.01)
    assert MemberDead("x", certain=True) in gossip.events()


def test_others_that_were_refused_do_not_hurry_who_was_not() -> None:
    gossip = node(*"abcdefghij", "x")
    suspect(gossip, "x", *"abcdef", refused=True)
    gossip.tick(1.0)
    run(gossip, 1.0, 1.0 + DEFAULT.stillness_s - 0.01)
    assert state_of(gossip, "x") == SUSPECT


def test_a_death_that_nobody_confirms_is_told_to_nobody() -> None:
    gossip = node(*"abcdefghij", "x")
    suspect(gossip, "x", "a")
    end = 1.0 + 6 * DEFAULT.suspicion_min_s(gossip.alive)
    packets = run(gossip, 1.0, end + 1)
    assert MemberDead("x", certain=False) in gossip.events()
    assert DEAD not in {rumour.state for sent in packets for rumour in sent.rumours}


def test_when_many_vanish_at_once_their_deaths_are_uncertain() -> None:
    gossip = node(*"abcdefghij")
    for name in "fghij":
        suspect(gossip, name, "a", "b", "c")
    run(gossip, 1.0, 1.0 + DEFAULT.suspicion_bounds(gossip.alive).silent_s + 0.1)
    deaths = {e.node_id: e.certain for e in gossip.events() if isinstance(e, MemberDead)}
    assert not any(deaths[name] for name in "fghij")


def uncertainly_dead() -> Gossip:
    gossip = node("a", "b", "c", "x")
    gossip.receive(GossipPacket(sender_id="x", endpoints=[entry("t", "x")]), 0.5)
    suspect(gossip, "x", "a")
    run(gossip, 1.0, 14.0)
    assert not list(gossip.endpoints())
    gossip.events()
    return gossip


def test_who_was_uncertainly_dead_is_back_with_its_first_word_and_all_it_owns() -> None:
    gossip = uncertainly_dead()
    gossip.receive(packet(sender="x"), 20.0)
    assert MemberBack(said("x")) in gossip.events()
    assert [e.task_id for e in gossip.endpoints()] == ["t"]


def test_who_is_certainly_dead_has_to_refute_it() -> None:
    gossip = uncertainly_dead()
    gossip.receive(packet(told(DEAD, "x")), 19.0)
    gossip.receive(packet(sender="x"), 20.0)
    assert state_of(gossip, "x") == DEAD
    gossip.receive(packet(told(ALIVE, "x", 1, 1), sender="x"), 20.1)
    assert state_of(gossip, "x") == ALIVE


def test_a_death_in_somebodys_table_is_doubted_before_it_is_believed() -> None:
    gossip = node("a", "b", "c", "x")
    gossip.receive(GossipPacket(sender_id="a", pulled=True, rumours=[told(DEAD, "x")]), 1.0)
    assert state_of(gossip, "x") == SUSPECT


def test_who_slept_does_not_bury_anybody_before_it_has_read_its_mail() -> None:
    gossip = node("a", "b", "c", "x")
    suspect(gossip, "x", "a", "b", "c")
    gossip.outbox()
    gossip.tick(30.0)
    assert state_of(gossip, "x") == SUSPECT
    gossip.receive(packet(told(ALIVE, "x", 1, 1)), 30.01)
    gossip.tick(31.0)
    assert state_of(gossip, "x") == ALIVE


def test_who_was_removed_is_not_believed_again() -> None:
    gossip = node("a", "x")
    gossip.forget("x", 1.0)
    gossip.receive(packet(told(ALIVE, "x", 7, 7)), 2.0)
    assert state_of(gossip, "x") is None
    assert gossip.alive == 2


def test_who_was_removed_is_not_heard_and_what_it_owned_is_gone_for_good() -> None:
    gossip = node("a", "x")
    gossip.receive(GossipPacket(sender_id="x", endpoints=[entry("t", "x")]), 0.5)
    gossip.forget("x", 1.0)
    assert not list(gossip.endpoints())
    gossip.outbox()
    hash_before = gossip.table_hash
    ping = GossipPing(number=1, target=fingerprint.of_node("me"))
    spoken = GossipPacket(
        sender_id="x",
        ping=ping,
        rumours=[told(ALIVE, "y"), told(DEAD, "a")],
        endpoints=[entry("u", "a")],
    )
    gossip.receive(spoken, 2.0)
    assert list(gossip.receive_stream(GossipFrame(sender=said("x", 9), ping=ping), 2.0)) == []
    gossip.receive(GossipPacket(sender_id="a", endpoints=[entry("t", "x", 9)]), 2.0)
    assert not gossip.outbox().datagrams
    assert (state_of(gossip, "a"), state_of(gossip, "y")) == (ALIVE, None)
    assert gossip.table_hash == hash_before


def test_the_digest_is_the_same_however_the_members_were_met() -> None:
    one, two = node("a", "b", "x"), node("x")
    two.receive(packet(told(ALIVE, "b"), told(ALIVE, "a")), 1.0)
    assert one.members_hash == two.members_hash
    suspect(one, "x", "a")
    assert one.members_hash == two.members_hash
    one.receive(packet(told(DEAD, "x")), 1.0)
    assert one.members_hash != two.members_hash
    two.receive(packet(told(LEFT, "x")), 1.0)
    assert one.members_hash == two.members_hash


def test_an_equal_digest_costs_no_answer() -> None:
    one, two = node("b", me="a"), node("a", me="b")
    for gossip in (one, two):
        gossip.receive(packet(told(ALIVE, "a", 5), told(ALIVE, "b", 5), sender="c"), 0.0)
    digest = GossipDigest(members=one.members_hash, endpoints=one.table_hash)
    two.outbox()
    two.receive(GossipPacket(sender_id="a", digest=digest), 1.0)
    assert not two.outbox().datagrams
    digest.endpoints += 1
    two.receive(GossipPacket(sender_id="a", digest=digest), 1.0)
    assert [sent.packet.HasField("recent") for sent in two.outbox().datagrams] == [True]
