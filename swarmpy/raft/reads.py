"""Linearizable reads: before answering, a leader asks a majority whether it still leads.

All reads that wait in one turn share one round of probes. Source: Ongaro 2014, section 6.4.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from swarmpy.errors import NotLeader
from swarmpy.pb.raft_pb2 import RaftFrame, RaftReadProbe, RaftReadReply
from swarmpy.raft.adapter import Core
from swarmpy.raft.commands import Members
from swarmpy.raft.commit import quorum_index
from swarmpy.raft.replication import Send


@dataclass(slots=True)
class _Barrier:
    round: int
    """The round of probes that must be answered; it began after the read."""
    index: int
    """What must be applied."""
    done: asyncio.Future[None]


class Reads:
    """The barriers that wait here; there are none on members that do not lead."""

    def __init__(self, node_id: str, core: Core, send: Send) -> None:
        self._node_id = node_id
        self._core = core
        self._send = send
        self._round = 0
        self._waiting: deque[_Barrier] = deque()
        self._answered: dict[str, int] = {}
        """The last round that each member confirmed."""

    def barrier(self) -> asyncio.Future[None]:
        """Return a future that is done once reading is safe; fails with NotLeader.

        The core must lead fully: before that its commit index may lie behind what others
        have acknowledged.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Barrier(self._round + 1, self._core.commit_index, done))
        return done

    def send_probes(self, members: Members) -> None:
        """Begin a round if somebody waits for one that has not begun."""
        if not self._waiting or self._waiting[-1].round <= self._round:
            return
        self._begin_round(members)

    def _begin_round(self, members: Members) -> None:
        self._round += 1
        self._answered[self._node_id] = self._round
        frame = RaftFrame(term=self._core.term, read_probe=RaftReadProbe(round=self._round))
        data = frame.SerializeToString()
        for peer in members:
            if peer != self._node_id:
                self._send(peer, data)

    def repeat_probes(self, members: Members) -> None:
        """Ask again for what is still open: a probe may have been lost. Answers to an earlier
        round count on, for a round trip may be longer than a heartbeat.
        """
        if self._waiting and self._waiting[0].round <= self._round:
            self._begin_round(members)

    def answered(self, peer: str, reply: RaftReadReply) -> None:
        self._answered[peer] = max(reply.round, self._answered.get(peer, 0))

    def release(self, members: Members) -> None:
        """Let go every barrier that a majority has confirmed."""
        if not self._waiting:
            return
        confirmed = quorum_index(members, self._answered)
        while self._waiting:
            barrier = self._waiting[0]
            if barrier.round > confirmed or barrier.index > self._core.applied_index:
                return
            self._waiting.popleft()
            if not barrier.done.done():
                barrier.done.set_result(None)

    def fail_all(self, error: NotLeader) -> None:
        """Refuse every read: the lead is lost, and with it what was answered."""
        self._answered.clear()
        while self._waiting:
            done = self._waiting.popleft().done
            if not done.done():
                done.set_exception(error)
