"""What a node is told so that it can take part in gossip."""

from __future__ import annotations

from swarmpy.pb.dispatcher_pb2 import GossipAccess
from swarmpy.store.view import View

ADDRESSES_MAX = 8
"""Nodes that one node is told to join by; any one of them that answers knows the rest."""


def access_of(node_id: str, view: View) -> GossipAccess | None:
    """Return keys, some addresses, managers' first, the pace, and who was removed lately.

    None before there are keys.
    """
    for cluster in view.clusters:
        if cluster.gossip_keys.keys:
            others = [
                node for node in view.nodes if node.id != node_id and node.status.gossip_address
            ]
            others.sort(key=lambda node: (not node.HasField("manager"), node.id))
            addresses = [node.status.gossip_address for node in others[:ADDRESSES_MAX]]
            return GossipAccess(
                keys=cluster.gossip_keys,
                addresses=addresses,
                removed_node_ids=cluster.removed_node_ids,
                profile=cluster.spec.gossip_profile,
            )
    return None
