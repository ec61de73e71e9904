"""The machines of the swarm, and the tokens that let more of them in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from swarmpy.client.calls import Calls
from swarmpy.pb.control_pb2 import (
    CreateTokenRequest,
    CreateTokenResponse,
    ExplainNetworkRequest,
    ExplainNetworkResponse,
    GetClusterRequest,
    GetNodeRequest,
    ListNodesRequest,
    ListNodesResponse,
    ListTokensRequest,
    RebalanceRequest,
    RemoveNodeRequest,
    RevokeTokenRequest,
    TaskMove,
    UpdateNodeRequest,
)
from swarmpy.pb.objects_pb2 import Cluster, JoinToken, Node
from swarmpy.pb.types_pb2 import (
    AVAILABILITY_UNSPECIFIED,
    NODE_ROLE_UNSPECIFIED,
    NODE_ROLE_WORKER,
    Availability,
    MaintenanceWindow,
    NodeRole,
    Taint,
)


class NodeCalls(Calls):
    """A node is named by its id, a unique prefix of it, or its hostname."""

    async def cluster(self) -> Cluster:
        """Return the swarm itself: its id, its settings, its certificate."""
        return await self._connection.read(lambda c: c.GetCluster, GetClusterRequest())

    async def nodes(self) -> ListNodesResponse:
        """Return every node, and which managers lead and answer."""
        return await self._connection.read(lambda c: c.ListNodes, ListNodesRequest())

    async def explain_network(self) -> ExplainNetworkResponse:
        """Let every node probe all others, which takes some seconds; return what they found."""
        return await self._connection.read(lambda c: c.ExplainNetwork, ExplainNetworkRequest())

    async def node(self, ref: str) -> Node:
        """Return one node. Raises NotFound or Ambiguous."""
        return await self._connection.read(lambda c: c.GetNode, GetNodeRequest(node=ref))

    async def update_node(
        self,
        ref: str,
        *,
        availability: Availability.ValueType = AVAILABILITY_UNSPECIFIED,
        role: NodeRole.ValueType = NODE_ROLE_UNSPECIFIED,
        labels_add: Mapping[str, str] | None = None,
        labels_remove: Sequence[str] = (),
    ) -> Node:
        """Change what is given and nothing else; return the node as it is then."""
        request = UpdateNodeRequest(
            node=ref,
            availability=availability,
            role=role,
            labels_add=labels_add or {},
            labels_remove=labels_remove,
        )
        return await self._connection.write(lambda c: c.UpdateNode, request)

    async def taint_node(
        self, ref: str, *, add: Sequence[Taint] = (), remove: Sequence[str] = ()
    ) -> Node:
        """Give a node taints, and take away those of the keys `remove`; return it."""
        request = UpdateNodeRequest(node=ref, taints_add=add, taints_remove=remove)
        return await self._connection.write(lambda c: c.UpdateNode, request)

    async def maintain_node(self, ref: str, starts_at_ms: int, ends_at_ms: int) -> Node:
        """Drain a node from one time to another, ms since the Unix epoch; 0 and 0 ends that."""
        window = MaintenanceWindow(starts_at_ms=starts_at_ms, ends_at_ms=ends_at_ms)
        request = UpdateNodeRequest(node=ref, maintenance=window)
        return await self._connection.write(lambda c: c.UpdateNode, request)

    async def rebalance(self, *, dry_run: bool = False, most: int = 0) -> list[TaskMove]:
        """Let tasks move where that spreads them better; return which, `most` of them at most.

        They move as fast as their services' disruption budgets allow. A dry run moves none.
        """
        request = RebalanceRequest(dry_run=dry_run, most=most)
        answer = await self._connection.write(lambda c: c.Rebalance, request)
        return list(answer.moves)

    async def remove_node(self, ref: str, *, force: bool = False) -> None:
        """Forget a node that is down; with `force` also one that is not."""
        request = RemoveNodeRequest(node=ref, force=force)
        await self._connection.write(lambda c: c.RemoveNode, request)

    async def create_token(
        self,
        role: NodeRole.ValueType = NODE_ROLE_WORKER,
        *,
        ttl_s: float = 3600.0,
        uses: int = 1,
    ) -> CreateTokenResponse:
        """Return a new right to join; its `secret` is shown this once."""
        request = CreateTokenRequest(role=role, ttl_s=ttl_s, uses=uses)
        return await self._connection.write(lambda c: c.CreateToken, request)

    async def tokens(self) -> list[JoinToken]:
        """Return the tokens that may still be used, without their secrets."""
        answer = await self._connection.read(lambda c: c.ListTokens, ListTokensRequest())
        return list(answer.tokens)

    async def revoke_token(self, token_id: str) -> None:
        """Make a token worthless. Raises NotFound."""
        await self._connection.write(lambda c: c.RevokeToken, RevokeTokenRequest(id=token_id))
