"""What managers say to each other, as bytes: made here, and looked over before it is believed."""

from __future__ import annotations

from google.protobuf.message import DecodeError

from swarmpy.pb.raft_pb2 import RaftAppend, RaftFrame, RaftPing
from swarmpy.raft.append import Append
from swarmpy.raft.commands import MEMBERSHIP, Entry, members_in


def parse(data: bytes) -> RaftFrame | None:
    """Return the frame; None when it is garbage, which is to be dropped."""
    try:
        frame = RaftFrame.FromString(data)
        if frame.WhichOneof("body") is None or not _is_sound(frame):
            return None
    except DecodeError:
        return None
    return frame


def ping(term: int) -> bytes:
    return RaftFrame(term=term, ping=RaftPing()).SerializeToString()


def encode_append(term: int, append: Append) -> bytes:
    frame = RaftFrame(term=term)
    body = frame.append  # filled in place: a third of the time of making its parts first
    body.prev_index, body.prev_term = append.prev_index, append.prev_term
    body.commit_index = append.commit_index
    add = body.entries.add
    for command, index, entry_term in append.entries:
        entry = add()
        entry.index, entry.term, entry.command = index, entry_term, command
    return frame.SerializeToString()


def decode_append(body: RaftAppend) -> Append:
    entries: list[Entry] = [(entry.command, entry.index, entry.term) for entry in body.entries]
    return Append(body.prev_index, body.prev_term, entries, body.commit_index)


def _is_sound(frame: RaftFrame) -> bool:
    """Say whether an append's entries follow each other and can be read."""
    index, term = frame.append.prev_index, frame.append.prev_term
    if frame.HasField("append") and not index:
        return False
    for entry in frame.append.entries:
        entry_index, entry_term, command = entry.index, entry.term, entry.command
        if entry_index != index + 1 or not term <= entry_term <= frame.term:
            return False
        if not command or command[0] > MEMBERSHIP:
            return False
        if command[0] == MEMBERSHIP:
            members_in(command)
        index, term = entry_index, entry_term
    return True
