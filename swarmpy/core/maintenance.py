"""Opens and closes a node's maintenance window, in which it is drained."""

from __future__ import annotations

from swarmpy.core.actions import Decision, SetMaintenance, Tell
from swarmpy.core.tell import of_node
from swarmpy.pb.objects_pb2 import Node


def reconcile(node: Node, now_ms: int) -> Decision:
    """Return whether the node's window opens or closes now, and when to look again."""
    window = node.spec.maintenance
    is_open = window.starts_at_ms <= now_ms < window.ends_at_ms
    next_ms = next((at for at in (window.starts_at_ms, window.ends_at_ms) if now_ms < at), None)
    if is_open == node.in_maintenance:
        return Decision(look_again_ms=next_ms)
    return Decision((SetMaintenance(node.id, is_open), _event(node, is_open)), next_ms)


def _event(node: Node, is_open: bool) -> Tell:
    if is_open:
        return of_node(node, "MaintenanceBegan", "gives its tasks away: its maintenance began")
    return of_node(node, "MaintenanceEnded", "takes tasks again: its maintenance is over")
