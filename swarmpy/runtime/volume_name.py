"""What a volume is called on its node."""

from __future__ import annotations

from swarmpy.pb.objects_pb2 import Volume
from swarmpy.pb.specs_pb2 import VOLUME_SCOPE_NODE


def volume_name(volume: Volume) -> str:
    """Return the engine's name of a volume.

    A node's own is called as its mounts say, as Swarm does. Of all others there is one in the
    swarm: nodes that share an engine, and volumes made anew under an old name, do not meet.
    """
    if volume.spec.scope == VOLUME_SCOPE_NODE:
        return volume.spec.name
    return f"{volume.spec.name}.{volume.id}"
