"""When a volume goes: never by itself, unless its spec says so.

kept      whatever becomes of tasks, services and stacks
removing  somebody asked, or `when_deleted` or `when_scaled` says so. Each of its nodes removes
          it from its engine and says so, also one that was away; then the row goes
gone      no node has it any more, or those that had it are not in the swarm
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from swarmpy.core.actions import IN_ORDER, Decision, DeleteRow, RemoveVolume
from swarmpy.core.mode import is_stateful
from swarmpy.core.ordinals import wanted_slots
from swarmpy.core.volumes import is_made_for_a_slot
from swarmpy.pb.objects_pb2 import Service, Task, Volume
from swarmpy.pb.specs_pb2 import VOLUME_RETENTION_DELETE


def decide(
    volume: Volume, nodes: Collection[str], service: Service | None, tasks: Iterable[Task]
) -> Decision:
    """Return what becomes of a volume.

    `nodes` are the ids of all there are. `service`, None once it is gone, is the one whose slot's
    it is, and `tasks` are that service's.
    """
    if volume.removing:
        if any(node_id in nodes for node_id in volume.node_ids):
            return IN_ORDER
        return Decision((DeleteRow("volumes", volume.id),))
    if not is_made_for_a_slot(volume):
        return IN_ORDER
    if service is None:
        goes = volume.spec.when_deleted == VOLUME_RETENTION_DELETE
    else:
        goes = volume.spec.when_scaled == VOLUME_RETENTION_DELETE and _is_scaled_away(
            volume, service, tasks
        )
    return Decision((RemoveVolume(volume.id),)) if goes else IN_ORDER


def _is_scaled_away(volume: Volume, service: Service, tasks: Iterable[Task]) -> bool:
    if service.removing or not is_stateful(service) or volume.slot in wanted_slots(service):
        return False
    return not any(task.slot == volume.slot for task in tasks)
