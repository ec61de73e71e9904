"""Everybody is asked in turn, others help, and who asks is honest about its own health."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.core.gossip import fingerprint
from swarmpy.core.gossip.gossip import Gossip
from swarmpy.core.gossip.profile import DEFAULT
from swarmpy.pb.gossip_pb2 import (
    GOSSIP_STATE_ALIVE,
    GOSSIP_STATE_DEAD,
    GOSSIP_STATE_SUSPECT,
    GossipAck,
    GossipFrame,
    GossipNack,
    GossipPacket,
    GossipPing,
    GossipPingRequest,
)
from tests.core.gossip_world import node, packet, run, said, state_of, told

INTERVAL_S = DEFAULT.probe_interval_s


def next_pings(gossip: Gossip, now: float) -> tuple[float, list[tuple[str, GossipPacket]]]:
    """Let time pass until it pings; return when, and to whom."""
    for _ in range(100):
        now = max(now, gossip.wake_at)
        gossip.tick(now)
        sent = [(d.address, d.packet) for d in gossip.outbox().datagrams]
        if pings := [(to, p) for to, p in sent if p.HasField("ping")]:
            return now, pings
    raise AssertionError("it does not ping")


def ack(gossip: Gossip, number: int, now: float) -> None:
    gossip.receive(GossipPacket(ack=GossipAck(number=number)), now)


@given(st.integers(2, 12), st.integers(0, 10**6))
def test_in_every_round_each_member_is_asked_once(size: int, seed: int) -> None:
    names = [f"n{number}" for number in range(size)]
    gossip = node(*names, seed=seed)
    asked, now = [], 0.0
    for _ in range(3 * size):
        now, pings = next_pings(gossip, now)
        for to, ping in pings:
            asked.append(to)
            ack(gossip, ping.ping.number, now)
    for start in range(0, len(asked), size):
        assert sorted(asked[start : start + size]) == sorted(names)


def test_a_newcomer_is_asked_within_the_round_it_comes_in() -> None:
    gossip = node(*(f"n{number}" for number in range(10)))
    now, pings = next_pings(gossip, 0.0)
    ack(gossip, pings[0][1].ping.number, now)
    gossip.receive(packet(told(GOSSIP_STATE_ALIVE, "new")), now)
    asked = []
    for _ in range(10):
        now, pings = next_pings(gossip, now)
        asked.append(pings[0][0])
        ack(gossip, pings[0][1].ping.number, now)
    assert "new" in asked


def unanswered(*known: str) -> tuple[Gossip, float, GossipPacket, str]:
    """Return a node whose ping was not answered in time, and what it asked then."""
    gossip = node(*known)
    now, [(target, ping)] = next_pings(gossip, 0.0)
    gossip.tick(now + DEFAULT.ack_timeout_s)
    return gossip, now, ping, target


def test_without_an_ack_three_others_are_asked_and_a_stream_is_tried() -> None:
    gossip, _, ping, target = unanswered(*"abcdef")
    outbox = gossip.outbox()
    helpers = [d.address for d in outbox.datagrams if d.packet.HasField("ping_request")]
    assert len(set(helpers)) == 3
    assert target not in helpers
    assert [(s.address, s.frame.ping.number) for s in outbox.streams] == [
        (target, ping.ping.number)
    ]


def test_an_ack_from_anybody_ends_the_probe_well() -> None:
    gossip, began, ping, target = unanswered(*"abcdef")
    ack(gossip, ping.ping.number, began + 0.4)
    gossip.tick(began + INTERVAL_S)
    assert state_of(gossip, target) == GOSSIP_STATE_ALIVE


def test_an_ack_on_the_stream_does_too() -> None:
    gossip, began, ping, target = unanswered(*"abcdef")
    frame = GossipFrame(sender=said(target), ack=GossipAck(number=ping.ping.number))
    assert list(gossip.receive_stream(frame, began + 0.4)) == []
    gossip.tick(began + INTERVAL_S)
    assert state_of(gossip, target) == GOSSIP_STATE_ALIVE


def test_nobody_answering_makes_a_suspect_and_missing_nacks_count_against_us() -> None:
    gossip, began, ping, target = unanswered(*"abcdef")
    helpers = [d.address for d in gossip.outbox().datagrams if d.packet.HasField("ping_request")]
    nack = GossipNack(number=ping.ping.number)
    for helper in (helpers[0], helpers[0], helpers[1]):
        gossip.receive(GossipPacket(sender_id=helper, nack=nack), began + 0.45)
    gossip.tick(began + INTERVAL_S)
    assert state_of(gossip, target) == GOSSIP_STATE_SUSPECT
    assert gossip.health == 1


def refused_probe(late_s: float) -> tuple[Gossip, str, float]:
    """Return a node whose stream was refused, the target, and when it was suspected."""
    gossip, began, _, target = unanswered(*"abcdefghij")
    [stream] = gossip.outbox().streams
    ends = began + INTERVAL_S
    if late_s <= 0:
        gossip.refused(stream.frame, ends + late_s)
    gossip.tick(ends)
    if late_s > 0:
        gossip.refused(stream.frame, ends + late_s)
    return gossip, target, ends


def refused_by(source: str, target: str) -> GossipPacket:
    return packet(told(GOSSIP_STATE_SUSPECT, target, source=source, refused=True), sender=source)


@pytest.mark.parametrize("late_s", [-0.2, 0.9], ids=["within-the-probe", "when-it-is-over"])
def test_who_is_refused_says_so_and_with_two_others_declares_death_soon(late_s: float) -> None:
    gossip, target, began = refused_probe(late_s)
    told_on = told(GOSSIP_STATE_SUSPECT, target, source="me", refused=True)
    sent = run(gossip, began, began + 1.2)
    assert told_on in [rumour for one in sent for rumour in one.rumours]
    for source in sorted(set("abc") - {target})[:2]:
        gossip.receive(refused_by(source, target), began + 1.2)
    soon = DEFAULT.suspicion_bounds(gossip.alive).refused_s
    assert soon < DEFAULT.stillness_s
    run(gossip, began + 1.2, began + soon + 0.01)
    assert state_of(gossip, target) == GOSSIP_STATE_DEAD


def test_who_answers_after_a_refusal_is_not_suspected() -> None:
    gossip, began, ping, target = unanswered(*"abcdef")
    [stream] = gossip.outbox().streams
    gossip.refused(stream.frame, began + 0.3)
    ack(gossip, ping.ping.number, began + 0.4)
    gossip.refused(stream.frame, began + 0.6)
    gossip.tick(began + INTERVAL_S)
    assert state_of(gossip, target) == GOSSIP_STATE_ALIVE


def test_a_refusal_of_an_earlier_life_says_nothing_of_a_later_one() -> None:
    gossip, began, _, target = unanswered(*"abcdef")
    [stream] = gossip.outbox().streams
    gossip.tick(began + INTERVAL_S)
    gossip.receive(packet(told(GOSSIP_STATE_ALIVE, target, 2)), began + 0.6)
    gossip.receive(packet(told(GOSSIP_STATE_SUSPECT, target, 2, source="a")), began + 0.7)
    gossip.refused(stream.frame, began + 0.8)
    record = [r for sent in run(gossip, began + 0.8, began + 2.0) for r in sent.rumours]
    assert not any(rumour.refused for rumour in record)


def test_who_slept_through_a_probe_blames_nobody() -> None:
    gossip = node(*"abcdef")
    now, [(target, _)] = next_pings(gossip, 0.0)
    gossip.tick(now + 10)
    assert state_of(gossip, target) == GOSSIP_STATE_ALIVE
    assert gossip.health == 1


def test_bad_health_slows_the_probes() -> None:
    gossip = node(*"abcdef")
    now, _ = next_pings(gossip, 0.0)
    for life in range(3):
        gossip.receive(packet(told(GOSSIP_STATE_SUSPECT, "me", 5, life)), now)
    second, _ = next_pings(gossip, now + INTERVAL_S)
    third, _ = next_pings(gossip, second)
    assert third - second >= 3 * INTERVAL_S


def relayed() -> tuple[Gossip, int]:
    gossip = node("a", "b")
    request = GossipPingRequest(number=77, target_id="b", target_address="b")
    gossip.receive(GossipPacket(sender_id="a", ping_request=request), 0.0)
    [sent] = gossip.outbox().datagrams
    assert sent.address == "b"
    assert sent.packet.ping.target == fingerprint.of_node("b")
    return gossip, sent.packet.ping.number


def test_a_helper_passes_the_ack_on() -> None:
    gossip, number = relayed()
    ack(gossip, number, 0.1)
    assert [(d.address, d.packet.ack.number) for d in gossip.outbox().datagrams] == [("a", 77)]


def test_a_helper_without_an_answer_says_so_in_time() -> None:
    gossip, number = relayed()
    gossip.tick(DEFAULT.ack_timeout_s * DEFAULT.nack_fraction)
    nacks = [d for d in gossip.outbox().datagrams if d.packet.HasField("nack")]
    assert [(d.address, d.packet.nack.number) for d in nacks] == [("a", 77)]
    ack(gossip, number, 0.3)
    assert not gossip.outbox().datagrams


def test_a_ping_for_who_had_our_address_before_is_not_answered() -> None:
    gossip = node("a")
    for target, answers in (("somebody", 0), ("me", 1)):
        ping = GossipPing(number=1, target=fingerprint.of_node(target))
        gossip.receive(GossipPacket(sender_id="a", ping=ping), 0.0)
        frame = GossipFrame(sender=said("a"), ping=ping)
        assert len(list(gossip.receive_stream(frame, 0.0))) == answers
        assert len(gossip.outbox().datagrams) == answers


def test_a_suspect_learns_of_it_with_the_next_packet() -> None:
    gossip = node("a", "b", "c")
    gossip.receive(packet(told(GOSSIP_STATE_SUSPECT, "a", source="b"), sender="b"), 0.0)
    ping = GossipPing(number=1, target=fingerprint.of_node("me"))
    gossip.receive(GossipPacket(sender_id="a", ping=ping), 0.0)
    [sent] = gossip.outbox().datagrams
    assert told(GOSSIP_STATE_SUSPECT, "a", source="me") in sent.packet.rumours
