"""What a swarm does about a node that it removes: gossip does not hear it, and gets new keys."""

from __future__ import annotations

from typing import Final

from swarmpy.core.gossip_keys import distrusted
from swarmpy.pb.objects_pb2 import Cluster

REMOVED_MAX: Final = 128
"""Removed nodes that are remembered. Raised: each node is told of more at each removal; lowered:
a node that was away from the managers for long may believe in one that is no more."""


def remember_removed(cluster: Cluster, node_id: str) -> None:
    """Let no node hear this one any more, and distrust all that it may know."""
    others = [one for one in cluster.removed_node_ids if one != node_id]
    del cluster.removed_node_ids[:]
    cluster.removed_node_ids.extend([*others, node_id][-REMOVED_MAX:])
    cluster.gossip_keys.CopyFrom(distrusted(cluster.gossip_keys))
