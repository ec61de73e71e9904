"""Makes the quorum follow the roles that are wanted, and guards it against its own loss."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import structlog

from swarmpy.errors import WrongState
from swarmpy.manager.duty import repeat
from swarmpy.manager.events import name_of, tell_of_node
from swarmpy.manager.seat import Seat
from swarmpy.pb.objects_pb2 import Node
from swarmpy.pb.types_pb2 import NODE_ROLE_WORKER
from swarmpy.store.editor import Editor
from swarmpy.store.view import View

log = structlog.get_logger()


def leaving(view: View, members: Collection[str]) -> list[str]:
    """Return the members that shall not be members: removed nodes, and workers to be. Pure."""
    nodes = {member: view.nodes.find(member) for member in members}
    return sorted(
        member
        for member, node in nodes.items()
        if node is None or node.spec.role == NODE_ROLE_WORKER
    )


def survives(members: Collection[str], reachable: Collection[str], gone: Collection[str]) -> bool:
    """Return whether a quorum of what remains without `gone` can be reached. Pure."""
    remaining = set(members) - set(gone)
    return len(remaining & set(reachable)) > len(remaining) // 2


def require_survival(seat: Seat, view: View, node: Node) -> None:
    """Raise WrongState when the managers could not agree on anything without `node`."""
    members = seat.consensus.members()
    if node.id not in members:
        return
    reachable = seat.consensus.reachable() | {seat.node_id}
    gone = {*leaving(view, members), node.id}
    if survives(members, reachable, gone):
        return
    remaining = set(members) - gone
    if not remaining:
        raise WrongState(
            f"{name_of(node)} is the last manager: without it the swarm loses all it knows",
            remedy="promote another node first: swarmpy node promote NODE",
        )
    raise WrongState(
        f"without {name_of(node)} only {len(remaining & reachable)} of {len(remaining)} managers "
        f"answer, and {len(remaining) // 2 + 1} are needed to agree on anything",
        remedy="start the managers that are down, or promote another node first",
    )


class QuorumDuty:
    """Compares members with roles, over and over. Adding is asked for by the new manager
    itself (JoinQuorum), once its Raft listens.
    """

    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    async def run(self) -> None:
        every_s = self._seat.settings.quorum_check_s
        await repeat(self.look, self._seat.clock, every_s, "quorum_unchanged")

    async def look(self) -> None:
        """Take out one member that shall leave; record who has left."""
        consensus = self._seat.consensus
        members = consensus.members()
        reachable = consensus.reachable() | {self._seat.node_id}
        others_first = sorted(
            leaving(self._seat.store.view, members), key=lambda member: member == self._seat.node_id
        )
        for member in others_first[:1]:
            if not survives(members, reachable, [member]):
                log.warning("quorum_would_be_lost", node=member)
            elif member == self._seat.node_id:
                log.info("leader_demoted", node=member)
                await consensus.transfer_leadership()
            else:
                await consensus.remove_member(member)
                log.info("quorum_member_removed", node=member)
        await self._record(consensus.members())

    async def _record(self, members: Mapping[str, str]) -> None:
        """Clear `manager` in the rows of nodes that have left: their role may follow now."""
        left = [
            node.id
            for node in self._seat.store.view.nodes
            if node.HasField("manager") and node.id not in members
        ]
        if not left:
            return

        def decide(tx: Editor) -> None:
            for node_id in left:
                with tx.nodes.edit(node_id) as node:
                    node.ClearField("manager")
                tell_of_node(self._seat, tx, node, "ManagerLeft", "it has left the quorum")

        await self._seat.write(decide)
