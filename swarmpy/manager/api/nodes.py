"""Nodes: what they are, what they may take, which role they shall have."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from swarmpy.core.schedule.taint import tainted
from swarmpy.core.validate import validate_node_update
from swarmpy.core.volumes import is_bound
from swarmpy.errors import WrongState
from swarmpy.manager.api.find import find_node
from swarmpy.manager.events import name_of, tell_of_node
from swarmpy.manager.lead import Lead
from swarmpy.manager.quorum import require_survival
from swarmpy.manager.removal import remember_removed
from swarmpy.manager.seat import Seat
from swarmpy.pb.control_pb2 import (
    ExplainNetworkRequest,
    ExplainNetworkResponse,
    GetNodeRequest,
    ListNodesRequest,
    ListNodesResponse,
    NodeGossip,
    RemoveNodeRequest,
    RemoveNodeResponse,
    UpdateNodeRequest,
)
from swarmpy.pb.objects_pb2 import Node
from swarmpy.pb.types_pb2 import (
    AVAILABILITY_DRAIN,
    NODE_ROLE_MANAGER,
    NODE_ROLE_WORKER,
    NODE_STATE_DOWN,
    MaintenanceWindow,
)
from swarmpy.store.editor import Editor
from swarmpy.store.view import View


class Nodes:
    def __init__(self, seat: Seat, lead: Callable[[], Lead]) -> None:
        self._seat = seat
        self._lead = lead

    async def list_nodes(self, _request: ListNodesRequest) -> ListNodesResponse:
        view = await self._seat.read()
        consensus = self._seat.consensus
        return ListNodesResponse(
            nodes=list(view.nodes),
            leader_id=consensus.leadership.leader_id or "",
            manager_ids_reachable=sorted(consensus.reachable() | {self._seat.node_id}),
            gossip=self._gossip(view),
        )

    def _gossip(self, view: View) -> Iterator[NodeGossip]:
        """Say what this manager's gossip knows of the nodes of the swarm."""
        hashes = self._lead().liveness.table_hashes
        for node_id, one in self._seat.neighbours.picture.members.items():
            if node_id in view.nodes:
                yield NodeGossip(
                    node_id=node_id,
                    state=one.state,
                    age_s=one.age_s,
                    certain=one.certain,
                    table_hash=hashes.get(node_id, 0),
                )

    async def explain_network(self, _request: ExplainNetworkRequest) -> ExplainNetworkResponse:
        """Let every node that is not down probe all others."""
        view = await self._seat.read()
        up = [node.id for node in view.nodes if node.status.state != NODE_STATE_DOWN]
        return await self._lead().probes.run(up)

    async def get_node(self, request: GetNodeRequest) -> Node:
        return find_node(await self._seat.read(), request.node)

    async def update_node(self, request: UpdateNodeRequest) -> Node:
        """Change what the request sets. A role is followed by the certificate, a bit later."""
        validate_node_update(request)

        def decide(tx: Editor) -> str:
            found = find_node(tx.view, request.node)
            if request.role == NODE_ROLE_WORKER:
                require_survival(self._seat, tx.view, found)
            with tx.nodes.edit(found.id) as node:
                if request.availability:
                    node.spec.availability = request.availability
                    self._tell_what_stays(tx, node)
                if request.role:
                    node.spec.role = request.role
                node.spec.labels.update(request.labels_add)
                for name in request.labels_remove:
                    node.spec.labels.pop(name, None)
                taints = tainted(node.spec.taints, request, self._seat.now_ms)
                del node.spec.taints[:]
                node.spec.taints.extend(taints)
                if request.HasField("maintenance"):
                    node.spec.maintenance.CopyFrom(request.maintenance)
                if node.spec.maintenance == MaintenanceWindow():
                    node.spec.ClearField("maintenance")
            return found.id

        node_id = await self._seat.write(decide)
        return self._seat.store.view.nodes.get(node_id)

    def _tell_what_stays(self, tx: Editor, node: Node) -> None:
        """Tell of the data on a node that is drained: tasks with it cannot run elsewhere."""
        if node.spec.availability != AVAILABILITY_DRAIN:
            return
        rows = tx.view.volumes.by("node_id", node.id)
        names = [row.spec.name for row in rows if is_bound(row) and not row.removing]
        if names:
            said = f"{name_of(node)} is drained; tasks with {', '.join(sorted(names))} wait for it"
            tell_of_node(self._seat, tx, node, "DataStays", said, warning=True)

    async def remove_node(self, request: RemoveNodeRequest) -> RemoveNodeResponse:
        """Forget a node. Its certificate is refused from then on, and gossip hears it no more."""

        def decide(tx: Editor) -> None:
            node = find_node(tx.view, request.node)
            self._refuse_removal(node, force=request.force)
            tell_of_node(self._seat, tx, node, "NodeRemoved", f"{name_of(node)} was removed")
            tx.nodes.delete(node.id)
            with tx.clusters.edit(tx.view.cluster.id) as cluster:
                remember_removed(cluster, node.id)

        await self._seat.write(decide)
        return RemoveNodeResponse()

    def _refuse_removal(self, node: Node, *, force: bool) -> None:
        name = name_of(node)
        is_member = node.HasField("manager") or node.id in self._seat.consensus.members()
        if is_member or node.spec.role == NODE_ROLE_MANAGER:
            raise WrongState(
                f"{name} is a manager", remedy=f"demote it first: swarmpy node demote {name}"
            )
        if node.status.state != NODE_STATE_DOWN and not force:
            raise WrongState(
                f"{name} is not down, and its tasks would run on unseen",
                remedy=f"run swarmpy leave on it, or swarmpy node rm --force {name}",
            )
