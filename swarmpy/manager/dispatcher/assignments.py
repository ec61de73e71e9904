"""What a node must hold: its tasks, all they refer to, and the routes of every service. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias, TypeVar

from swarmpy.core.file_versions import (
    config_references,
    is_live,
    newest_id,
    newest_of,
    secret_references,
)
from swarmpy.core.image_name import images_of, registry_of
from swarmpy.pb.dispatcher_pb2 import (
    Assignment,
    AssignmentDiff,
    AssignmentRemoval,
    AssignmentSet,
    LoadBalancer,
    NewestFile,
)
from swarmpy.pb.objects_pb2 import (
    Config,
    Network,
    RegistryCredential,
    Secret,
    Task,
    Volume,
)
from swarmpy.pb.types_pb2 import TASK_STATE_ASSIGNED, TASK_STATE_RUNNING, FileReference
from swarmpy.store.table import Table
from swarmpy.store.view import View

Item: TypeAlias = (
    Task | Config | Secret | Network | LoadBalancer | Volume | NewestFile | RegistryCredential
)
R = TypeVar("R", Config, Secret)
Held: TypeAlias = dict[tuple[str, str], Item]
"""(table, id) -> the shared row, which is read-only and replaced when it changes."""

_FIELD_OF = {
    "tasks": "task",
    "configs": "config",
    "secrets": "secret",
    "networks": "network",
    "load_balancers": "load_balancer",
    "volumes": "volume",
    "newest": "newest",
    "registry_credentials": "registry_credential",
}


def held_by(node_id: str, view: View, balancers: Iterable[LoadBalancer]) -> Held:
    """Return everything that `node_id` must hold now.

    Tasks count from ASSIGNED until their row is deleted, so that ended ones keep their logs.
    Secrets are given for as long as a task of the node may need them, and to no other node.
    Volumes, as long as one needs them, and from then on only to be removed.
    """
    held: Held = {}
    for task in view.tasks.by("node_id", node_id):
        if task.status.state < TASK_STATE_ASSIGNED:
            continue
        held["tasks", task.id] = task
        if task.status.state <= TASK_STATE_RUNNING:
            held.update(_needed_by(task, view))
            held.update(_volumes_of(task, view))
    for volume in view.volumes.by("node_id", node_id):
        if volume.removing:
            held["volumes", volume.id] = volume
    held.update((("load_balancers", balancer.id), balancer) for balancer in balancers)
    return held


def only_adds(node_id: str, tasks: Sequence[Task | None]) -> bool:
    """Say whether what these tasks have become takes nothing away that the node must hold."""
    return all(
        task is not None
        and task.node_id == node_id
        and TASK_STATE_ASSIGNED <= task.status.state <= TASK_STATE_RUNNING
        for task in tasks
    )


def addition(
    held: Held, tasks: Iterable[Task | None], view: View, version: int
) -> AssignmentDiff | None:
    """Add tasks to what a node holds; return what it must be told, None for nothing.

    So much less is looked at than for `held_by` when a node with many tasks gets one more.
    """
    added: Held = {}
    for task in tasks:
        if task is not None:
            added["tasks", task.id] = task
            added.update(_needed_by(task, view))
            added.update(_volumes_of(task, view))
    changed = [
        _assignment(key, item)
        for key, item in added.items()
        if key not in held or not _same(held[key], item)
    ]
    held.update(added)
    if not changed:
        return None
    return AssignmentDiff(applies_to=version, results_in=version + 1, changed=changed)


def _volumes_of(task: Task, view: View) -> Iterator[tuple[tuple[str, str], Item]]:
    for volume_id in task.volumes.values():
        if (volume := view.volumes.find(volume_id)) is not None:
            yield ("volumes", volume.id), volume


def _needed_by(task: Task, view: View) -> Iterator[tuple[tuple[str, str], Item]]:
    for reference in config_references(task.spec):
        yield from _file(reference, view.configs)
    for reference in secret_references(task.spec):
        yield from _file(reference, view.secrets)
    for image in images_of(task.spec):
        for credential in view.registry_credentials.by("registry", registry_of(image)):
            yield ("registry_credentials", credential.id), credential
    for address in task.addresses:
        if (network := view.networks.find(address.network_id)) is not None:
            yield ("networks", network.id), network
    for attachment in task.spec.networks:
        for network in view.networks.by("name", attachment.network):
            yield ("networks", network.id), network


def _file(reference: FileReference, table: Table[R]) -> Iterator[tuple[tuple[str, str], Item]]:
    """Yield the version that a reference means; of what follows in place, the newest."""
    row = table.find(reference.id) if reference.id else None
    name = table.schema.name
    if is_live(reference) and (row := newest_of(table.by("family", reference.name))) is not None:
        newest = NewestFile(id=newest_id(name, reference), row_id=row.id)
        yield ("newest", newest.id), newest
    if row is not None:
        yield (name, row.id), row


def whole_set(held: Held, version: int) -> AssignmentSet:
    """Return the message after which an agent forgets everything else."""
    return AssignmentSet(version=version, items=[_assignment(*entry) for entry in held.items()])


def difference(before: Held, after: Held, version: int) -> AssignmentDiff | None:
    """Return what leads from `before` to `after`; None when an agent would see no change."""
    changed = [
        _assignment(key, item)
        for key, item in after.items()
        if key not in before or not _same(before[key], item)
    ]
    removed = [
        AssignmentRemoval(table=table, id=row_id)
        for table, row_id in before
        if (table, row_id) not in after
    ]
    if not changed and not removed:
        return None
    return AssignmentDiff(
        applies_to=version, results_in=version + 1, changed=changed, removed=removed
    )


def _assignment(key: tuple[str, str], item: Item) -> Assignment:
    fields: dict[str, Any] = {_FIELD_OF[key[0]]: item}
    return Assignment(**fields)


def _same(before: Item, after: Item) -> bool:
    """Tell whether an agent would learn nothing: statuses are its own to report."""
    if before is after:
        return True
    if isinstance(before, Task) and isinstance(after, Task):
        return _as_managers_wrote(before) == _as_managers_wrote(after)
    return before == after


def _as_managers_wrote(task: Task) -> Task:
    copy = Task()
    copy.CopyFrom(task)
    for observed in ("version", "updated_at_ms", "status", "pending_reason"):
        copy.ClearField(observed)
    return copy
