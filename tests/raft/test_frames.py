"""What comes from outside is looked over before anybody acts on it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.pb.raft_pb2 import RaftAppend, RaftEntry, RaftFrame
from swarmpy.raft.append import Append
from swarmpy.raft.commands import Voter, membership
from swarmpy.raft.commit import quorum_index, quorum_size
from swarmpy.raft.frames import encode_append, parse


@given(st.binary(max_size=300))
def test_any_bytes_are_a_frame_or_dropped(data: bytes) -> None:
    heard = parse(data)
    assert heard is None or heard.frame.WhichOneof("body") == heard.kind


def test_an_append_arrives_as_it_was_sent() -> None:
    entries = [(b"\x00a", 5, 2), (membership({"a": Voter("x:1", 7)}), 6, 3)]
    append = Append(4, 2, entries, 3)
    heard = parse(encode_append(3, append))
    assert heard is not None
    assert heard.append == append


@pytest.mark.parametrize(
    "entries",
    [
        [RaftEntry(index=6, term=2, command=b"\x00")],
        [RaftEntry(index=5, term=1, command=b"\x00")],
        [RaftEntry(index=5, term=9, command=b"\x00")],
        [RaftEntry(index=5, term=2, command=b"")],
        [RaftEntry(index=5, term=2, command=b"\x07")],
        [RaftEntry(index=5, term=2, command=b"\x02\xff\xff")],
        [
            RaftEntry(index=5, term=2, command=b"\x00"),
            RaftEntry(index=5, term=2, command=b"\x00"),
        ],
    ],
    ids=["gap", "old term", "future term", "empty", "unknown", "bad members", "repeated"],
)
def test_an_append_that_cannot_be_is_dropped(entries: list[RaftEntry]) -> None:
    append = RaftAppend(prev_index=4, prev_term=2, entries=entries)
    assert parse(RaftFrame(term=3, append=append).SerializeToString()) is None


@given(
    st.dictionaries(st.sampled_from("abcdefg"), st.just(""), min_size=1),
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 9)),
)
def test_a_majority_of_the_members_holds_the_quorum_index_and_none_holds_more(
    members: dict[str, str], durable: dict[str, int]
) -> None:
    index = quorum_index(members, durable)
    held = [durable.get(member, 0) for member in members]
    assert sum(h >= index for h in held) >= quorum_size(members)
    assert sum(h > index for h in held) < quorum_size(members)
