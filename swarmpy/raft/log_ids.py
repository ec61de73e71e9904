"""Tells a member from one that lost its disk: each log has an id of its own, made by chance.

Every frame carries its sender's. A member whose disk was wiped, or that is run twice, has forgotten
votes it gave and entries it acknowledged; so nothing that it says counts, under the id of a
member, until it was removed and has joined anew.
"""

from __future__ import annotations

from dataclasses import replace

import structlog

from swarmpy.pb.raft_pb2 import RaftFrame
from swarmpy.raft.commands import Members
from swarmpy.raft.log import RaftLog
from swarmpy.raft.replication import Send

log = structlog.get_logger()


class LogIds:
    """What the membership says, held against what is heard."""

    def __init__(self, node_id: str, raft_log: RaftLog) -> None:
        self._node_id = node_id
        self._log = raft_log
        self._heard: dict[str, int] = {node_id: raft_log.log_id}
        self._refused: dict[str, int] = {}
        self._mark = RaftFrame(log_id=raft_log.log_id).SerializeToString()

    def marking(self, send: Send) -> Send:
        """Return `send` for frames that lack this member's log id: a message may be written in
        pieces.  Source: protobuf.dev/programming-guides/encoding, "Last One Wins".
        """
        return lambda peer, frame: send(peer, frame + self._mark)

    def believes(self, peer: str, frame: RaftFrame) -> bool:
        """Return whether a frame comes from the log that its sender is a member with."""
        self._heard[peer] = frame.log_id
        voter = self._log.members.get(peer)
        if voter is None or voter.log_id in {0, frame.log_id}:
            self._refused.pop(peer, None)
            return True
        if self._refused.get(peer) != frame.log_id:
            self._refused[peer] = frame.log_id
            log.error("raft_peer_lost_its_log", node=self._node_id, peer=peer)
        return False

    def has_lost(self, peer: str) -> bool:
        """Return whether a member speaks with another log than it joined with."""
        return peer in self._refused

    def of(self, peer: str) -> int:
        """Return the log id that was heard from a node last; 0 when none was."""
        return self._heard.get(peer, 0)

    def noted(self, members: Members) -> Members:
        """Return the members with the ids that are lacking, as far as they were heard."""
        return {
            node_id: voter if voter.log_id else replace(voter, log_id=self.of(node_id))
            for node_id, voter in members.items()
        }
