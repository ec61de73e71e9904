"""Brings each frame to whom it concerns, after the rules that hold for all of them.

- What a leader says in an older term is answered with the newer term; in a newer term it is
  followed.
- An answer from a newer term ends this member's lead or candidacy; an old answer is ignored.
- Asking (votes, pre-votes) changes nothing before it is decided on.
"""

from __future__ import annotations

from collections.abc import Callable

from swarmpy.pb.raft_pb2 import RaftFrame, RaftReadReply
from swarmpy.raft.adapter import Core, Role
from swarmpy.raft.elections import Elections
from swarmpy.raft.follower import Follower
from swarmpy.raft.frames import Heard
from swarmpy.raft.reads import Reads
from swarmpy.raft.replication import Replication, Send

FROM_LEADER = frozenset({"append", "snapshot_chunk", "read_probe"})
ANSWERS = frozenset(
    {"append_reply", "snapshot_reply", "read_reply", "vote_reply", "pre_vote_reply"}
)


class Dispatch:
    """OSError of the log goes through: what it hindered has then not been said."""

    def __init__(
        self,
        core: Core,
        elections: Elections,
        follower: Follower,
        replication: Replication,
        reads: Reads,
        send: Send,
    ) -> None:
        self._core = core
        self._elections = elections
        self._follower = follower
        self._replication = replication
        self._reads = reads
        self._send = send
        self._handlers: dict[str, Callable[[str, RaftFrame], None]] = {
            "append_reply": self._append_reply,
            "vote_request": lambda peer, frame: elections.vote_request(
                peer, frame.term, frame.vote_request
            ),
            "vote_reply": lambda peer, frame: elections.vote_reply(peer, frame.term),
            "pre_vote_request": lambda peer, frame: elections.pre_vote_request(
                peer, frame.term, frame.pre_vote_request
            ),
            "pre_vote_reply": lambda peer, frame: elections.pre_vote_reply(
                peer, frame.pre_vote_reply
            ),
            "read_probe": self._read_probe,
            "read_reply": self._read_reply,
            "snapshot_chunk": lambda peer, frame: follower.chunk(peer, frame.snapshot_chunk),
            "snapshot_reply": self._snapshot_reply,
            "timeout_now": self._timeout_now,
            "ping": lambda _peer, _frame: None,
        }

    def receive(self, peer: str, heard: Heard) -> None:
        frame, kind = heard.frame, heard.kind
        if kind in FROM_LEADER and not self._is_followed(peer, frame.term):
            return
        if kind in ANSWERS and not self._is_current(kind, frame.term):
            return
        if heard.append is not None:
            self._follower.append(peer, heard.append)
        else:
            self._handlers[kind](peer, frame)

    def _is_followed(self, peer: str, term: int) -> bool:
        if term < self._core.term:
            self._follower.refuse(peer)
            return False
        if term > self._core.term:
            self._core.adopt_term(term)
        assert self._core.role is not Role.LEADER, f"{peer} leads in term {term} too"
        self._elections.heard_leader()
        return True

    def _is_current(self, kind: str, term: int) -> bool:
        if term > self._core.term:
            self._core.adopt_term(term)
            return False
        return term == self._core.term or kind == "pre_vote_reply"

    def _append_reply(self, peer: str, frame: RaftFrame) -> None:
        if self._replication.answered(peer, frame.append_reply):
            self._core.note_answer(peer)

    def _snapshot_reply(self, peer: str, frame: RaftFrame) -> None:
        self._replication.chunk_answered(peer, frame.snapshot_reply, frame.term)
        self._core.note_answer(peer)

    def _read_probe(self, peer: str, frame: RaftFrame) -> None:
        self._core.hear_leader(peer, frame.term)
        reply = RaftReadReply(round=frame.read_probe.round)
        self._send(peer, RaftFrame(term=frame.term, read_reply=reply).SerializeToString())

    def _read_reply(self, peer: str, frame: RaftFrame) -> None:
        if self._core.role is Role.LEADER:
            self._reads.answered(peer, frame.read_reply)

    def _timeout_now(self, peer: str, frame: RaftFrame) -> None:
        if frame.term == self._core.term:
            self._elections.timeout_now(peer)
