"""Whether a node takes tasks, keeps them, or gives them away."""

from __future__ import annotations

from swarmpy.pb.objects_pb2 import Node
from swarmpy.pb.types_pb2 import AVAILABILITY_DRAIN, AVAILABILITY_PAUSE, NODE_STATE_READY


def is_ready(node: Node) -> bool:
    """Its agent holds a session."""
    return node.status.state == NODE_STATE_READY


def is_drained(node: Node) -> bool:
    """It gives its tasks away: somebody asked for it, or its maintenance window is open."""
    return node.spec.availability == AVAILABILITY_DRAIN or node.in_maintenance


def takes_new_tasks(node: Node) -> bool:
    """It is ready, and neither paused nor drained."""
    is_paused = node.spec.availability == AVAILABILITY_PAUSE
    return is_ready(node) and not is_paused and not is_drained(node)
