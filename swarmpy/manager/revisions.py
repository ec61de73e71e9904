"""Remembers what a service was asked to be, so that it can return to any of it."""

from __future__ import annotations

from swarmpy.ids import IdSource
from swarmpy.pb.objects_pb2 import Revision, Service
from swarmpy.store.editor import Editor

REVISIONS_KEPT = 10
"""Past ones, beside the present one, unless the spec says another number.

More make returning further possible, and cost a spec's size each, on every manager.
"""


def record(tx: Editor, service: Service, reason: str, ids: IdSource) -> None:
    """Add what `service`, a row that this transaction writes, is now; forget what is too old."""
    service.revision += 1
    tx.revisions.create(
        Revision(
            id=ids.new_id(),
            service_id=service.id,
            number=service.revision,
            spec=service.spec,
            reason=reason,
        )
    )
    has_own = service.spec.HasField("revisions_kept")
    kept = service.spec.revisions_kept if has_own else REVISIONS_KEPT
    for row in tx.view.revisions.by("service_id", service.id):
        if row.number < service.revision - kept:
            tx.revisions.delete(row.id)
