"""What must hold of stateful services in every simulated swarm, and the volume that they use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from swarmpy.core.task_life import has_node, is_live
from swarmpy.core.volumes import is_bound
from swarmpy.pb.objects_pb2 import Volume
from swarmpy.pb.specs_pb2 import VOLUME_SCOPE_SLOT, VolumeSpec
from swarmpy.store.store import Store
from swarmpy.store.view import View

DATA = "data"
"""The name of a volume for each slot that mounts it."""


async def declare_data(store: Store) -> None:
    async with store.update() as tx:
        spec = VolumeSpec(name=DATA, scope=VOLUME_SCOPE_SLOT)
        tx.volumes.create(Volume(id="v-data", spec=spec))


def twice_by_name(view: View, running_on: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """Yield each name under which two containers run, in truth."""
    running: defaultdict[str, list[str]] = defaultdict(list)
    for node_id, task_ids in running_on.items():
        for task_id in task_ids:
            task = view.tasks.find(task_id)
            if task is not None and task.name:
                running[task.name].append(f"{task_id} on {node_id}")
    for name, places in sorted(running.items()):
        if len(places) > 1:
            yield f"{name} runs twice: {', '.join(sorted(places))}"


def away_from_volumes(view: View) -> Iterator[str]:
    """Yield each task that is, or may be, on another node than its volume."""
    for volume in view.volumes:
        if not is_bound(volume):
            continue
        for task in view.tasks.by("service_id", volume.service_id):
            is_its_own = volume.id in task.volumes.values() and is_live(task) and has_node(task)
            if is_its_own and task.node_id not in volume.node_ids:
                yield f"task {task.id} is on {task.node_id}, {volume.spec.name} is not"
