"""What managers say to each other, as bytes: made here, and looked over before it is believed."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.message import DecodeError

from swarmpy.pb.raft_pb2 import RaftFrame, RaftPing
from swarmpy.raft.append import Append
from swarmpy.raft.commands import MEMBERSHIP, Entry, members_in


@dataclass(frozen=True, slots=True)
class Heard:
    """A frame that can be believed, what it is, and the append in it."""

    frame: RaftFrame
    kind: str
    append: Append | None


def parse(data: bytes) -> Heard | None:
    """Return what a frame says; None when it is garbage, which is to be dropped."""
    try:
        frame = RaftFrame.FromString(data)
        kind = frame.WhichOneof("body")
        if kind is None:
            return None
        append = _append_in(frame) if kind == "append" else None
    except (DecodeError, _Unsound):
        return None
    return Heard(frame, kind, append)


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


class _Unsound(Exception):
    """No leader sends this."""


def _append_in(frame: RaftFrame) -> Append:
    """Return the append, whose entries follow each other and can be read."""
    body = frame.append
    index, term, last_term = body.prev_index, body.prev_term, frame.term
    if not index:
        raise _Unsound
    entries: list[Entry] = []
    for entry in body.entries:
        command, entry_index, entry_term = entry.command, entry.index, entry.term
        index += 1
        if entry_index != index or not term <= entry_term <= last_term:
            raise _Unsound
        if not command or command[0] > MEMBERSHIP:
            raise _Unsound
        if command[0] == MEMBERSHIP:
            members_in(command)
        term = entry_term
        entries.append((command, entry_index, entry_term))
    return Append(body.prev_index, body.prev_term, entries, body.commit_index)
