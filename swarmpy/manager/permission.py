"""Who may call what: the control API is for managers, the dispatcher for nodes that belong."""

from __future__ import annotations

from swarmpy.errors import PermissionDenied
from swarmpy.pb.objects_pb2 import Node
from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER
from swarmpy.rpc.peer import Peer
from swarmpy.store.view import View


def require_control(view: View, peer: Peer) -> None:
    """Let through local callers and managers, also by what the swarm says of them now: a
    demoted manager's certificate is good for a while yet.

    Raises:
        PermissionDenied
    """
    if peer.local:
        return
    node = view.nodes.find(peer.node_id)
    if peer.is_manager and node is not None and node.spec.role == NODE_ROLE_MANAGER:
        return
    raise PermissionDenied(
        "a worker's certificate does not open the control API",
        remedy="call a manager's socket, or promote this node: swarmpy node promote NODE",
    )


def require_manager(view: View, peer: Peer) -> Node:
    """Return the node row of another manager that calls. Raises PermissionDenied."""
    node = require_node(view, peer)
    if not peer.is_manager or node.spec.role != NODE_ROLE_MANAGER:
        raise PermissionDenied(
            f"node {node.id} is not a manager",
            remedy="promote it: swarmpy node promote " + node.id,
        )
    return node


def require_node(view: View, peer: Peer) -> Node:
    """Return the node row of who calls.

    Raises:
        PermissionDenied: it shows no certificate, or was removed from the swarm.
    """
    if not peer.node_id:
        raise PermissionDenied("this call is for nodes, and the caller shows no certificate")
    node = view.nodes.find(peer.node_id)
    if node is None:
        raise PermissionDenied(
            f"node {peer.node_id} does not belong to this swarm any more",
            remedy="on that node: swarmpy leave, then swarmpy join with a new token",
        )
    return node
