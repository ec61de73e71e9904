"""What is told first, how often, and how much may wait."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.core.gossip.desk import PACKET_BYTES
from swarmpy.core.gossip.profile import DEFAULT
from swarmpy.core.gossip.rumours import Rumours
from swarmpy.pb.gossip_pb2 import GOSSIP_STATE_ALIVE, GossipEndpoint, GossipPacket
from tests.core.gossip_world import entry, node, packet, run, told


def queue(count: int, most: int = 128) -> Rumours[GossipEndpoint]:
    rumours: Rumours[GossipEndpoint] = Rumours(most, 6, 3)
    for number in range(count):
        rumours.add(number, entry(f"t{number}"))
    return rumours


def drain(rumours: Rumours[GossipEndpoint], sends: int) -> list[str]:
    taken: list[str] = []
    while part := rumours.take(10_000, sends)[0]:
        taken += [message.task_id for message in part]
    return taken


@pytest.mark.parametrize(
    ("count", "each"), [pytest.param(6, 16, id="few"), pytest.param(7, 3, id="many")]
)
def test_a_few_are_sent_in_full_and_many_three_times(count: int, each: int) -> None:
    taken = drain(queue(count), 16)
    assert {taken.count(f"t{number}") for number in range(count)} == {each}


def test_news_of_a_subject_replace_what_was_said_before() -> None:
    rumours = queue(1)
    rumours.take(1000, 16)
    rumours.add(0, entry("newer"))
    assert drain(rumours, 16) == ["newer"] * 16


def test_the_least_told_go_first_and_among_those_the_newest() -> None:
    rumours = queue(2)
    room = entry("t0").ByteSize() + 2
    assert [rumours.take(room, 16)[0][0].task_id for _ in range(4)] == ["t1", "t0", "t1", "t0"]


@given(st.integers(0, 400), st.integers(1, 128))
def test_the_queue_never_grows_beyond_its_bound(count: int, most: int) -> None:
    rumours = queue(count, most)
    assert len(rumours) == min(count, most)
    if count:
        assert f"t{count - 1}" in drain(rumours, 1)


@given(st.integers(0, 1343))
def test_what_is_taken_fits_into_the_space(space: int) -> None:
    taken, used = queue(100).take(space, 4)
    with_them = GossipPacket(endpoints=taken)
    assert with_them.ByteSize() == used <= space


def test_no_packet_is_larger_than_the_smallest_mtu_allows() -> None:
    gossip = node("a", "b", "c", "d")
    for number in range(300):
        gossip.put(entry(f"task-{number}" * 8), 0.0)
        rumour = told(GOSSIP_STATE_ALIVE, f"node-{number}" * 9)
        gossip.receive(packet(rumour), 0.0)
    packets = run(gossip, 0.0, 10.0)
    assert max(sent.ByteSize() for sent in packets) <= PACKET_BYTES
    assert any(sent.rumours for sent in packets)
    assert any(sent.endpoints for sent in packets)


def test_the_work_and_the_bytes_of_a_second_are_bounded_however_much_is_told() -> None:
    gossip = node(*(f"n{number}" for number in range(20)))
    for number in range(5000):
        gossip.put(entry(f"t{number}"), 0.0)
    packets = run(gossip, 0.0, 1.0)
    assert len(packets) <= 6 * DEFAULT.gossip_fanout + 12
