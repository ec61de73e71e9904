"""What makes no sense changes nothing, is counted, and never raises."""

from __future__ import annotations

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.core.gossip.gossip import Gossip
from swarmpy.core.gossip.streams import ENTRIES_MOST
from swarmpy.pb.gossip_pb2 import (
    GOSSIP_STATE_ALIVE,
    GOSSIP_STATE_SUSPECT,
    GossipDigest,
    GossipEndpoint,
    GossipFrame,
    GossipMember,
    GossipPacket,
    GossipPing,
    GossipRecent,
    GossipRumour,
    GossipSet,
    GossipWant,
)
from swarmpy.pb.types_pb2 import PortBinding
from tests.core.gossip_world import entry, node, packet, said, told

HUGE = 1 << 63


def many_ports() -> GossipEndpoint:
    endpoint = entry("t")
    endpoint.ports.extend(PortBinding(target=port, host_port=port) for port in range(9000, 9200))
    return endpoint


def picture(gossip: Gossip) -> tuple[object, ...]:
    members = [(v.member.SerializeToString(), v.state) for v in gossip.members(0.0)]
    return (members, gossip.table_hash, gossip.members_hash, gossip.me.incarnation)


@pytest.mark.parametrize(
    "rumour",
    [
        pytest.param(GossipRumour(), id="empty"),
        pytest.param(told(GOSSIP_STATE_ALIVE, "x", epoch=0), id="no-epoch"),
        pytest.param(told(GOSSIP_STATE_ALIVE, "x", epoch=HUGE), id="an-epoch-nothing-can-beat"),
        pytest.param(told(GOSSIP_STATE_SUSPECT, "me", 5, HUGE), id="an-incarnation-like-that"),
        pytest.param(told(GOSSIP_STATE_ALIVE, "x" * 300), id="an-id-too-long"),
        pytest.param(GossipRumour(member=GossipMember(node_id="x", epoch=1)), id="no-address"),
        pytest.param(told(7, "a"), id="a-state-yet-unknown"),  # type: ignore[arg-type]
    ],
)
def test_a_senseless_rumour_changes_nothing(rumour: GossipRumour) -> None:
    gossip = node("a", "b")
    before = picture(gossip)
    gossip.receive(packet(rumour), 1.0)
    assert picture(gossip) == before
    assert gossip.malformed == 1


@pytest.mark.parametrize(
    "endpoint",
    [
        pytest.param(GossipEndpoint(), id="empty"),
        pytest.param(entry("t", epoch=0), id="no-epoch"),
        pytest.param(entry("t", sequence=0), id="no-sequence"),
        pytest.param(entry("t", sequence=HUGE), id="a-sequence-nothing-can-beat"),
        pytest.param(entry("t" * 300), id="an-id-too-long"),
        pytest.param(entry("t", owner=""), id="no-owner"),
        pytest.param(many_ports(), id="more-than-fits-into-a-packet"),
    ],
)
def test_a_senseless_endpoint_changes_nothing(endpoint: GossipEndpoint) -> None:
    gossip = node("a", "b")
    before = picture(gossip)
    gossip.receive(GossipPacket(sender_id="a", endpoints=[endpoint, entry("good")]), 1.0)
    assert [e.task_id for e in gossip.endpoints()] == ["good"]
    assert gossip.malformed == 1
    gossip.forget("a", 1.0)
    assert picture(gossip)[1] == before[1]


def test_more_entries_than_a_frame_may_have_are_refused_as_a_whole() -> None:
    gossip = node("a")
    entries = [entry(f"t{number}") for number in range(ENTRIES_MOST + 1)]
    frame = GossipFrame(sender=said("a"), set=GossipSet(endpoints=entries))
    list(gossip.receive_stream(frame, 1.0))
    gossip.receive(GossipPacket(sender_id="a", endpoints=entries), 1.0)
    assert gossip.table_hash == 0
    assert gossip.malformed == 2


def test_an_empty_message_changes_nothing() -> None:
    gossip = node("a")
    before = picture(gossip)
    gossip.receive_stream(GossipFrame(), 1.0)
    gossip.receive(GossipPacket(), 1.0)
    assert picture(gossip) == before


@given(st.binary(max_size=200))
def test_random_bytes_never_raise(data: bytes) -> None:
    gossip = node("a", "b")
    for kind in (GossipPacket, GossipFrame):
        message = kind()
        try:
            message.ParseFromString(data)
        except DecodeError:
            continue
        if isinstance(message, GossipPacket):
            gossip.receive(message, 1.0)
        else:
            list(gossip.receive_stream(message, 1.0))
    gossip.tick(2.0)
    assert gossip.me.node_id == "me"


NAMES = st.sampled_from(["", "me", "a", "b", "x" * 300])
NUMBERS = st.sampled_from([0, 1, 5, 2**32 - 1])
RUMOURS = st.builds(
    GossipRumour,
    state=st.integers(0, 4),
    member=st.builds(GossipMember, node_id=NAMES, address=NAMES, epoch=NUMBERS),
    source=NAMES,
)
PACKETS = st.builds(
    lambda sender, rumours, body, digest: GossipPacket(
        sender_id=sender, rumours=rumours, **body, digest=digest
    ),
    NAMES,
    st.lists(RUMOURS, max_size=3),
    st.one_of(
        st.builds(lambda n: {"ping": GossipPing(number=n, target=n)}, NUMBERS),
        st.builds(
            lambda low, high, shorts: {
                "recent": GossipRecent(low=low, high=high, members=shorts, endpoints=shorts)
            },
            NUMBERS,
            NUMBERS,
            st.lists(NUMBERS, max_size=4),
        ),
        st.builds(lambda s: {"want": GossipWant(members=s, endpoints=s)}, st.lists(NUMBERS)),
    ),
    st.builds(GossipDigest, members=NUMBERS, endpoints=NUMBERS),
)


@given(st.lists(PACKETS, max_size=6))
def test_packets_of_any_content_leave_a_node_that_works(packets: list[GossipPacket]) -> None:
    gossip = node("a", "b")
    gossip.put(entry("mine"), 0.0)
    now = 1.0
    for sent in packets:
        gossip.receive(sent, now)
        gossip.tick(now)
        now += 0.1
    assert "mine" in [endpoint.task_id for endpoint in gossip.endpoints()]
    assert gossip.alive >= 1
    assert gossip.wake_at < now + 10
