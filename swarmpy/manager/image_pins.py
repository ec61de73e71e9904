"""Pins what the tags of a service's images mean, by what the first node says that has them."""

from __future__ import annotations

from swarmpy.core.image_pins import digests_for, pins_after
from swarmpy.pb.objects_pb2 import Service, Task
from swarmpy.store.editor import Editor


def pin(tx: Editor, task: Task) -> None:
    """Pin what a task, a row that this transaction writes, says of its images; whoever follows it
    in its slot then runs the same.
    """
    service = tx.services.find(task.service_id)
    if service is None or task.status.image_digests.keys() <= task.image_digests.keys():
        return
    pins = pins_after(service, task)
    if pins is not None:
        with tx.services.edit(service.id) as edited:
            edited.image_pins.CopyFrom(pins)
        for row in tx.view.revisions.by("service_id", service.id):
            if row.number == service.revision:
                with tx.revisions.edit(row.id) as revision:
                    revision.image_digests.update(pins.digests)
        service = edited
    if task.spec_version == service.spec_version:
        task.image_digests.update(digests_for(service))


def repin(tx: Editor, service: Service) -> None:
    """Give a service, a row that this transaction writes and that returned to an earlier spec, the
    images that it had then, whatever their tags mean by now.
    """
    rows = [row for row in tx.view.revisions.by("service_id", service.id) if row.image_digests]
    same = [row for row in rows if row.spec.task == service.spec.task]
    newest = max(same, key=lambda row: row.number, default=None)
    if newest is not None and not service.spec.no_resolve_image:
        service.image_pins.spec_version = service.spec_version
        service.image_pins.ClearField("digests")
        service.image_pins.digests.update(newest.image_digests)
