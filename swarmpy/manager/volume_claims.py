"""Gives volumes their nodes, in the transaction that gives a task its own."""

from __future__ import annotations

from swarmpy.core.volumes import Find, new_volume, uses
from swarmpy.ids import IdSource
from swarmpy.pb.objects_pb2 import Task, Volume
from swarmpy.pb.specs_pb2 import VOLUME_SCOPE_NODE
from swarmpy.store.editor import Editor
from swarmpy.store.view import View


def finder(view: View) -> Find:
    """Return what finds the volume of a name that is not being removed."""

    def find(name: str) -> Volume | None:
        named = view.volumes.by("name", name)
        return next((volume for volume in named if not volume.removing), None)

    return find


def claim(tx: Editor, task: Task, node_id: str, ids: IdSource) -> bool:
    """Make what a task uses its own on a node; False when a volume of it is on another one.

    `task` is the row that is being written: it learns which volumes are its own.
    """
    used = uses(task, finder(tx.view))
    if not used:
        return True
    claimed: dict[str, str] = {}
    for use in used:
        if use.is_another_s:
            return False
        tx.volumes.check(use.declared.id)
        if use.made is None:
            volume = new_volume(use, task)
            volume.id = ids.new_id()
            volume.node_ids.append(node_id)
            claimed[use.source] = tx.volumes.create(volume).id
            continue
        row = tx.volumes.find(use.made.id)
        assert row is not None, "it is in the view"
        if row.spec.scope != VOLUME_SCOPE_NODE and row.node_ids and node_id not in row.node_ids:
            return False
        _take(tx, row, use.declared.id, task, node_id)
        claimed[use.source] = row.id
    task.volumes.update(claimed)
    return True


def _take(tx: Editor, row: Volume, declared_id: str, task: Task, node_id: str) -> None:
    """Note that a node has a volume, and whose it is now: a service may have been made anew."""
    is_own = row.id != declared_id
    if node_id in row.node_ids and (not is_own or row.service_id == task.service_id):
        return
    with tx.volumes.edit(row.id) as volume:
        if node_id not in volume.node_ids:
            volume.node_ids.append(node_id)
        if is_own:
            volume.service_id, volume.slot = task.service_id, task.slot
