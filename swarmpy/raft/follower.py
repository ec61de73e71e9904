"""What a member does for its leader: take entries, and acknowledge those that are durable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from swarmpy.pb.raft_pb2 import (
    RaftAppendReply,
    RaftFrame,
    RaftSnapshotChunk,
    RaftSnapshotReply,
)
from swarmpy.raft.adapter import Core
from swarmpy.raft.append import Append, where_to_go_on, without_truncation
from swarmpy.raft.log import RaftLog
from swarmpy.raft.replication import Send
from swarmpy.raft.snapshot_file import Snapshot
from swarmpy.raft.transfer import Incoming

log = structlog.get_logger()


@dataclass(slots=True)
class _Held:
    """An acknowledgement that waits for the disk."""

    leader: str
    term: int
    match_index: int
    told_index: int
    """Acknowledged already; more is said when the disk gets further."""


class Follower:
    """Frames given to it are of the current term: the member has seen to that."""

    def __init__(
        self,
        core: Core,
        log: RaftLog,
        send: Send,
        incoming: Incoming,
        on_snapshot: Callable[[str, Snapshot], None],
    ) -> None:
        self._core = core
        self._log = log
        self._send = send
        self._incoming = incoming
        self._on_snapshot = on_snapshot
        self._held: _Held | None = None

    def append(self, leader: str, wanted: Append) -> None:
        """Add entries to the log; they are acknowledged when they are durable."""
        append, verified = without_truncation(self._log, wanted)
        prev = (append.prev_index, append.prev_term)
        term = self._core.term
        if not self._core.append(leader, term, prev, append.entries, append.commit_index):
            self._reject(leader, wanted)
        elif wanted.entries:
            durable_index = self._log.durable_index
            told_index = 0 if verified <= durable_index else durable_index
            self._held = _Held(leader, term, verified, told_index)
            self.acknowledge()
        else:
            self.confirm(leader, min(verified, self._log.durable_index))

    def acknowledge(self) -> None:
        """Tell the leader about entries that have become durable."""
        held = self._held
        if held is None:
            return
        if held.term != self._core.term:
            self._held = None
            return
        match_index = min(held.match_index, self._log.durable_index)
        if match_index > held.told_index:
            held.told_index = match_index
            self.confirm(held.leader, match_index)
        if match_index == held.match_index:
            self._held = None

    def confirm(self, leader: str, match_index: int) -> None:
        """Say that everything up to an entry is durable here and as it is at the leader."""
        self._reply(leader, RaftAppendReply(success=True, match_index=match_index))

    def refuse(self, leader: str) -> None:
        """Tell a leader of an older term that its time is over."""
        self._reply(leader, RaftAppendReply(success=False))

    def chunk(self, leader: str, chunk: RaftSnapshotChunk) -> None:
        """Take a piece of a snapshot and ask for the next one."""
        self._core.hear_leader(leader, self._core.term)
        index = chunk.header.index
        if index <= self._core.applied_index:
            self.confirm(leader, min(index, self._log.durable_index))
            return
        next_offset = self._incoming.take(chunk)
        reply = RaftSnapshotReply(index=index, next_offset=next_offset)
        frame = RaftFrame(term=self._core.term, snapshot_reply=reply)
        self._send(leader, frame.SerializeToString())
        if next_offset == chunk.header.state_bytes:
            snapshot = self._incoming.finish()
            if snapshot is None:
                log.error("raft_snapshot_damaged", leader=leader, index=index)
            else:
                self._on_snapshot(leader, snapshot)

    def _reject(self, leader: str, append: Append) -> None:
        next_index = where_to_go_on(self._log, append, self._core.commit_index)
        reply = RaftAppendReply(
            success=False, rejected_prev_index=append.prev_index, next_index=next_index
        )
        self._reply(leader, reply)

    def _reply(self, leader: str, reply: RaftAppendReply) -> None:
        frame = RaftFrame(term=self._core.term, append_reply=reply)
        self._send(leader, frame.SerializeToString())
