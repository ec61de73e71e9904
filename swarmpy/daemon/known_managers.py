"""Remembers where the managers are, so that a restarted node finds its swarm again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from swarmpy.pb.gossip_pb2 import GOSSIP_STATE_ALIVE
from swarmpy.pb.join_pb2 import JoinResponse, QuorumMember
from swarmpy.seams import Disk, GossipPicture


class KnownManagers:
    """API addresses and quorum members as last heard; kept in one file of the node's."""

    def __init__(self, disk: Disk, state_dir: Path) -> None:
        self._disk = disk
        self._path = state_dir / "managers.pb"
        self._leader: list[str] = []
        self._met: list[str] = []

    def api_addresses(self) -> list[str]:
        """Return the managers' API addresses, the last known leader's first.

        Gossip's word on the leader is the newest; its other managers come last, for a node that
        has missed all changes among those it was told of.
        """
        return list(dict.fromkeys([*self._leader, *self._read().api_addresses, *self._met]))

    def members(self) -> dict[str, str]:
        """Return node id -> Raft address, as of the time this node joined."""
        return {one.node_id: one.raft_address for one in self._read().members}

    def replace(self, api_addresses: Sequence[str], members: Mapping[str, str]) -> None:
        record = JoinResponse(
            api_addresses=api_addresses,
            members=[
                QuorumMember(node_id=node_id, raft_address=address)
                for node_id, address in members.items()
            ],
        )
        self._disk.replace(self._path, record.SerializeToString(deterministic=True))

    def met(self, picture: GossipPicture) -> None:
        """Take the managers that gossip sees alive for known ones; kept in memory alone."""
        alive = {
            node_id: one.member
            for node_id, one in picture.members.items()
            if one.state == GOSSIP_STATE_ALIVE
        }
        term = max((one.term for one in alive.values()), default=0)
        leaders = {one.leader_id for one in alive.values() if one.term == term}
        managers = {node_id: one for node_id, one in alive.items() if one.api_address}
        self._met = [one.api_address for one in managers.values()]
        self._leader = [managers[one].api_address for one in leaders if one in managers][:1]

    def heard(self, api_addresses: Sequence[str]) -> None:
        """Remember new API addresses; nothing is written when they are the known ones."""
        known = self._read()
        if api_addresses and list(known.api_addresses) != list(api_addresses):
            members = {one.node_id: one.raft_address for one in known.members}
            self.replace(api_addresses, members)

    def _read(self) -> JoinResponse:
        try:
            return JoinResponse.FromString(self._disk.read(self._path))
        except FileNotFoundError:
            return JoinResponse()
