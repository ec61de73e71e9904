"""Records, for people, that something happened."""

from __future__ import annotations

from swarmpy.core.actions import Tell
from swarmpy.manager.perform import perform
from swarmpy.manager.seat import Seat
from swarmpy.pb.objects_pb2 import EVENT_LEVEL_NORMAL, EVENT_LEVEL_WARNING, Event, Node
from swarmpy.store.editor import Editor


def tell_of_node(
    seat: Seat, tx: Editor, node: Node, reason: str, message: str, *, warning: bool = False
) -> None:
    """Add an event about a node to a transaction. `reason` is one CamelCase word."""
    event = Event(
        level=EVENT_LEVEL_WARNING if warning else EVENT_LEVEL_NORMAL,
        kind="node",
        object_id=node.id,
        object_name=name_of(node),
        reason=reason,
        message=message,
    )
    perform(tx, [Tell(event)], seat.ids, seat.now_ms)


def name_of(node: Node) -> str:
    """Return what people call a node: its hostname, or its id before it said one."""
    return node.description.hostname or node.id
