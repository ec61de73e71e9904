"""Who belongs to the quorum now: the newest membership in the log, committed or not.

Learners get the log and are not counted: members to be, until they have caught up, and members
that were, until they know it.
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from swarmpy.raft.adapter import Core, Role
from swarmpy.raft.commands import Members, addresses_of
from swarmpy.raft.log import RaftLog
from swarmpy.raft.replication import Replication
from swarmpy.seams import PeerNetwork

log = structlog.get_logger()


class Voters:
    """Brings core, replication and network in line with the log's membership."""

    def __init__(
        self,
        node_id: str,
        raft_log: RaftLog,
        core: Core,
        replication: Replication,
        network: PeerNetwork,
    ) -> None:
        self._node_id = node_id
        self._log = raft_log
        self._core = core
        self._replication = replication
        self._network = network
        self._learners: dict[str, str] = {}
        self._adopted: Members = {}
        self._linked: tuple[Mapping[str, str], bool] | None = None
        """None: whoever dials is let in, for a newcomer knows nobody yet."""
        self._seen: tuple[Members, Role, str | None] | None = None
        """What `adopt` found when it had nothing to do; None when it has to look again."""

    @property
    def others(self) -> Mapping[str, str]:
        """Return whom this member speaks with: members, learners, and who was a member
        until a change that is not committed yet. A leader may be removing itself.
        """
        committed = self._log.members_at(self._core.commit_index)
        known = addresses_of(committed) | self._learners | addresses_of(self._log.members)
        known.pop(self._node_id, None)
        return known

    def teach(self, node_id: str, address: str) -> None:
        """Replicate to a node that does not vote, or does not any more."""
        self._learners[node_id] = address
        self._seen = None
        self.adopt()

    def stop_teaching(self, node_id: str) -> None:
        self._learners.pop(node_id, None)
        self._seen = None
        self.adopt()

    def stop_leading(self) -> None:
        self._learners.clear()
        self._seen = None
        self._replication.set_followers([])

    def start_leading(self) -> None:
        self._replication.set_followers(self.others)

    def adopt(self) -> None:
        """Look at the log and the learners again; cheap when nothing has changed."""
        members, role, leader = self._log.members, self._core.role, self._core.leader_id
        seen = self._seen
        if seen is not None and seen[0] is members and seen[1] is role and seen[2] == leader:
            return
        is_settled = self._core.commit_index >= self._log.members_index
        self._seen = (members, role, leader) if is_settled else None
        others = self.others
        if role is Role.LEADER:
            self._replication.set_followers(others)
        if members is not self._adopted:
            self._adopted = members
            log.info("raft_members", node=self._node_id, members=sorted(members))
            self._core.set_voters(peer for peer in sorted(members) if peer != self._node_id)
        linked = (others, self._seeks_leader)
        if linked != self._linked and members:
            self._linked = linked
            self._network.set_peers(others, open_to_others=self._seeks_leader)

    @property
    def _seeks_leader(self) -> bool:
        """Say whether the leader may be somebody who became a member while this one was away."""
        leader = self._core.leader_id
        return leader is None or leader not in (*self._log.members, self._node_id)
