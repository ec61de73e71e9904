"""Who may disturb a leader: nobody that could not win, and nobody while it is heard.

pysyncobj counts votes; what it lacks is here. A member that hears no leader first asks who
would vote for it (pre-vote) and raises its term only with a majority behind it, so a manager
that comes back from a partition or a long pause deposes nobody. Members that hear a leader
ignore candidates (stickiness), unless the leader itself sent them. A leader whose link broke is
not waited for as long as one that is silent: most likely its process is gone. If it is not,
those whose links hold still hear it and refuse.
Source: Ongaro 2014, sections 4.2.3 and 9.6.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from swarmpy.pb.raft_pb2 import (
    RaftFrame,
    RaftPreVoteReply,
    RaftPreVoteRequest,
    RaftVoteReply,
    RaftVoteRequest,
)
from swarmpy.raft.adapter import Core, Role
from swarmpy.raft.commit import quorum_size
from swarmpy.raft.log import RaftLog
from swarmpy.raft.replication import Send
from swarmpy.raft.settings import RaftSettings

NEVER = float("inf")
AT_ONCE = float("-inf")
"""Tells the core to campaign in this very turn."""


class Elections:
    """One member's part in elections. `core` is set once, right after both are made."""

    core: Core

    def __init__(
        self,
        node_id: str,
        log: RaftLog,
        send: Send,
        rng: random.Random,
        settings: RaftSettings,
        now: Callable[[], float],
    ) -> None:
        self._node_id = node_id
        self._log = log
        self._send = send
        self._rng = rng
        self._settings = settings
        self._now = now
        self._heard_at = AT_ONCE
        self._broken: set[str] = set()
        """Peers whose links broke and have not come back."""
        self._doubted: str | None = None
        """The leader whose broken link the next election was brought forward for."""
        self._round = 0
        self._granted: set[str] | None = None
        """Who would vote for this member; None while it does not ask."""
        self._voters: set[str] = set()
        self._sent_by_leader = False

    def timeout_s(self) -> float:
        """Return a random wait before the next election."""
        return self._rng.uniform(self._settings.election_min_s, self._settings.election_max_s)

    def hears_leader(self) -> bool:
        """Say whether a leader is alive as far as this member can tell."""
        if self.core.role is Role.LEADER:
            return True
        lately = self._now() - self._heard_at < self._settings.election_min_s
        leader = self.core.leader_id
        return lately and leader is not None and leader not in self._broken

    def link_changed(self, peer: str, *, up: bool) -> None:
        """Take note that a link came or broke; `tick` draws the conclusions."""
        if up:
            self._broken.discard(peer)
        else:
            self._broken.add(peer)

    def heard_leader(self) -> None:
        """Take note of a frame from the leader of the current term."""
        self._heard_at = self._now()
        self._granted = None
        self._sent_by_leader = False

    def wait(self) -> None:
        """Give others a full timeout before the next try."""
        self.core.hold_election_at(self._now() + self.timeout_s())

    def tick(self) -> None:
        """Ask for pre-votes when no leader was heard for too long."""
        if self.core.role is Role.LEADER:
            return
        if not self._may_lead:
            self.core.hold_election_at(NEVER)
            return
        if self.core.election_at == NEVER:
            self.wait()
        self._doubt_lost_leader()
        if AT_ONCE < self.core.election_at < self._now():
            self._ask_all()

    def _doubt_lost_leader(self) -> None:
        """Bring the election forward, once for each time that the leader's link breaks."""
        leader = self.core.leader_id
        if leader not in self._broken:
            self._doubted = None
        elif self._doubted != leader:
            self._doubted = leader
            settings = self._settings
            soon = self._rng.uniform(settings.lost_link_min_s, settings.lost_link_max_s)
            self.core.hold_election_at(min(self.core.election_at, self._now() + soon))

    @property
    def _may_lead(self) -> bool:
        """Say whether this member votes, or did until a removal that is not committed yet: it
        may be the only one that has the removal in its log. Source: Ongaro 2014, section 4.2.2.
        """
        if self._node_id in self._log.members:
            return True
        return self._node_id in self._log.members_at(self.core.commit_index)

    # --- asking

    def _ask_all(self) -> None:
        self.wait()
        self.core.forget_leader()
        self._sent_by_leader = False
        self._round += 1
        self._granted = {self._node_id} & self._log.members.keys()
        request = RaftPreVoteRequest(
            round=self._round, last_index=self._log.last_index, last_term=self._log.last_term
        )
        frame = RaftFrame(term=self.core.term + 1, pre_vote_request=request).SerializeToString()
        for peer in self._log.members:
            if peer != self._node_id:
                self._send(peer, frame)
        self._campaign_with_quorum()

    def pre_vote_reply(self, peer: str, reply: RaftPreVoteReply) -> None:
        if self._granted is None or reply.round != self._round or not reply.granted:
            return
        if peer in self._log.members:
            self._granted.add(peer)
            self._campaign_with_quorum()

    def _campaign_with_quorum(self) -> None:
        assert self._granted is not None
        if len(self._granted) >= quorum_size(self._log.members):
            self._granted = None
            self.core.hold_election_at(AT_ONCE)

    def timeout_now(self, peer: str) -> None:
        """Campaign because the leader itself wants to hand over."""
        if peer == self.core.leader_id and self._node_id in self._log.members:
            self._sent_by_leader = True
            self.core.hold_election_at(AT_ONCE)

    def ask_for_vote(self, peer: str) -> None:
        """Send what the core wants sent: the term has been raised, the own vote is durable.

        The core counts that vote always; `vote_reply` sees to it that it does not matter where
        this member has no vote.
        """
        self._voters = set()
        request = RaftVoteRequest(
            last_index=self._log.last_index,
            last_term=self._log.last_term,
            transfer=self._sent_by_leader,
        )
        frame = RaftFrame(term=self.core.term, vote_request=request)
        self._send(peer, frame.SerializeToString())

    def vote_reply(self, peer: str, term: int) -> None:
        if peer not in self._log.members or peer in self._voters or term != self.core.term:
            return
        self._voters.add(peer)
        if self._node_id in self._log.members:
            self.core.count_vote(peer, term)
        elif len(self._voters) == quorum_size(self._log.members):
            for voter in sorted(self._voters):
                self.core.count_vote(voter, term)

    # --- being asked

    def pre_vote_request(self, peer: str, term: int, request: RaftPreVoteRequest) -> None:
        """Say whether this member would vote for a peer; nothing changes by it."""
        last = (self._log.last_term, self._log.last_index)
        granted = (
            not self.hears_leader()
            and term > self.core.term
            and (request.last_term, request.last_index) >= last
        )
        reply = RaftPreVoteReply(round=request.round, granted=granted)
        frame = RaftFrame(term=self.core.term, pre_vote_reply=reply)
        self._send(peer, frame.SerializeToString())

    def vote_request(self, peer: str, term: int, request: RaftVoteRequest) -> None:
        if self.hears_leader() and not request.transfer:
            return
        if term > self.core.term:
            self.core.adopt_term(term)
        self.core.consider_vote(peer, term, (request.last_index, request.last_term))

    def grant_vote(self, peer: str) -> None:
        """Send the vote that the core has given, which is durable by now."""
        frame = RaftFrame(term=self.core.term, vote_reply=RaftVoteReply())
        self._send(peer, frame.SerializeToString())
