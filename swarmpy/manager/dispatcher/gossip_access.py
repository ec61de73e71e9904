"""What a node is told so that it can take part in gossip."""

from __future__ import annotations

import heapq

from swarmpy.pb.dispatcher_pb2 import GossipAccess
from swarmpy.store.view import View

ADDRESSES_MAX = 8
"""Nodes that one node is told to join by; any one of them that answers knows the rest."""


def access_of(view: View) -> GossipAccess | None:
    """Return keys, the pace, and who was removed lately; None before there are keys."""
    for cluster in view.clusters:
        if cluster.gossip_keys.keys:
            return GossipAccess(
                keys=cluster.gossip_keys,
                removed_node_ids=cluster.removed_node_ids,
                profile=cluster.spec.gossip_profile,
            )
    return None


def addresses_for(node_id: str, view: View) -> list[str]:
    """Return where a node finds others that take part, managers first."""
    others = (node for node in view.nodes if node.id != node_id and node.status.gossip_address)
    first = heapq.nsmallest(
        ADDRESSES_MAX, others, key=lambda node: (not node.HasField("manager"), node.id)
    )
    return [node.status.gossip_address for node in first]
