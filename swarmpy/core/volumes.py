"""What a task's mounts mean: which volumes it uses, and which node they keep it on.

| scope  | the volume                                                            | its tasks run |
|--------|-----------------------------------------------------------------------|---------------|
| node   | each node's own of that name; also what nobody declared               | anywhere      |
| pinned | one, on the node where the first task with it was placed               | there         |
| slot   | one for each task of a stateful service: "data-db-0", made likewise    | where it is   |

A volume gets its node in the transaction that gives the first task with it its node (`claims`), so
there is no moment at which a second task could be placed elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from swarmpy.pb.objects_pb2 import Task, Volume
from swarmpy.pb.specs_pb2 import (
    VOLUME_SCOPE_NODE,
    VOLUME_SCOPE_PINNED,
    VOLUME_SCOPE_SLOT,
    ServiceSpec,
    TaskSpec,
)
from swarmpy.pb.types_pb2 import MOUNT_TYPE_VOLUME

Find: TypeAlias = Callable[[str], Volume | None]
"""Gives the volume of a name; none that is being removed."""


@dataclass(frozen=True, slots=True)
class Use:
    """One volume of one task."""

    source: str
    """What the task's mounts call it."""
    declared: Volume
    """The row that says how it is made."""
    name: str
    """The volume's own."""
    made: Volume | None
    """The volume; None while it was never made, of scope slot."""

    @property
    def node_id(self) -> str:
        """Where its tasks must run; "" is anywhere."""
        if self.made is None or not is_bound(self.made):
            return ""
        return self.made.node_ids[0]

    @property
    def is_another_s(self) -> bool:
        """Say whether what has its name was made for another: "a-b" + "c-0" is "a" + "b-c-0"."""
        return self.made is not None and self.made.made_like not in {"", self.source}

    @property
    def waits_for_a_node(self) -> bool:
        """Say whether the first task with it decides for others, too."""
        return self.declared.spec.scope == VOLUME_SCOPE_PINNED and not self.declared.node_ids


def is_bound(volume: Volume) -> bool:
    """Say whether it is on one node, and its tasks with it."""
    return volume.spec.scope != VOLUME_SCOPE_NODE and bool(volume.node_ids)


def is_made_for_a_slot(volume: Volume) -> bool:
    """Say whether it is one task's, rather than how such are made."""
    return bool(volume.service_id)


def mounted(spec: TaskSpec) -> Iterator[str]:
    """Yield the names of volumes that the containers of a task mount, each once."""
    seen: set[str] = set()
    for container in (*spec.containers, *spec.init_containers):
        for mount in container.mounts:
            if mount.type == MOUNT_TYPE_VOLUME and mount.source and mount.source not in seen:
                seen.add(mount.source)
                yield mount.source


def uses(task: Task, find: Find) -> list[Use]:
    """Return the declared volumes that a task uses; without a name it has none of a slot's."""
    found = []
    for source in mounted(task.spec):
        declared = find(source)
        if declared is None:
            continue
        if declared.spec.scope != VOLUME_SCOPE_SLOT:
            found.append(Use(source, declared, source, declared))
        elif task.name:
            name = f"{source}-{task.name}"
            found.append(Use(source, declared, name, find(name)))
    return found


def new_volume(use: Use, task: Task) -> Volume:
    """Return the volume of one task, to be made like its declaration. Its id is empty."""
    volume = Volume(
        stack_id=use.declared.stack_id,
        service_id=task.service_id,
        slot=task.slot,
        made_like=use.source,
    )
    volume.spec.CopyFrom(use.declared.spec)
    volume.spec.name = use.name
    return volume


@dataclass(frozen=True, slots=True)
class Home:
    """Where a task's volumes are."""

    node_id: str = ""
    bound_by: str = ""
    """Their names; "" when none is anywhere yet."""
    conflict: str = ""
    """Why no node suits."""


def home_of(task: Task, used: list[Use]) -> Home:
    """Return which node a task's volumes keep it on."""
    for use in used:
        if use.is_another_s:
            return Home(
                conflict=f"volume {use.name} was made for another service; give volume "
                f"{use.source} or this service another name"
            )
    bound = [use for use in used if use.node_id]
    if not bound:
        return Home()
    first = bound[0]
    for use in bound:
        if use.node_id != first.node_id:
            return Home(
                conflict=f"volume {first.name} is on node {first.node_id}, and volume {use.name} "
                f"on node {use.node_id}; remove one of them: swarmpy volume rm {use.name}"
            )
    if task.node_id not in {"", first.node_id}:
        return Home(
            conflict=f"volume {first.name} is on node {first.node_id}, and this task is made for "
            f"node {task.node_id}; give the volume scope node, or run one task, not one a node"
        )
    return Home(first.node_id, ", ".join(use.name for use in bound))


def misused(spec: ServiceSpec, find: Find) -> list[str]:
    """Return the names of volumes for slots that a service mounts whose tasks have no names."""
    if spec.WhichOneof("mode") == "stateful":
        return []
    declared = ((name, find(name)) for name in mounted(spec.task))
    return [
        name
        for name, volume in declared
        if volume is not None and volume.spec.scope == VOLUME_SCOPE_SLOT
    ]
