"""Applies one transaction to the tables: all of it, or, when it is stale, nothing."""

from __future__ import annotations

from typing import Any

from swarmpy.pb.transaction_pb2 import RowVersion, Transaction
from swarmpy.store.tables import row_of
from swarmpy.store.view import View
from swarmpy.store.watch import RowChange

EVENTS_KEPT = 1000
"""Rows of the events table; the oldest go first."""


def stale_row(view: View, transaction: Transaction) -> RowVersion | None:
    """Return the first row that is no longer what the transaction was decided on."""
    for check in transaction.checks:
        if _version(view, check.table, check.id) != check.version:
            return check
    for change in transaction.changes:
        put = row_of(change)
        if put is None:
            if _version(view, change.removed.table, change.removed.id) != change.removed.version:
                return change.removed
        else:
            schema, row = put
            if _version(view, schema.name, row.id) != row.version:
                return RowVersion(table=schema.name, id=row.id, version=row.version)
    return None


def perform(view: View, index: int, transaction: Transaction) -> tuple[RowChange, ...]:
    """Make the changes and return them. The transaction must not be stale."""
    changes = [_perform_one(view, index, transaction, change) for change in transaction.changes]
    changes.extend(_forget_old_events(view))
    return tuple(changes)


def _perform_one(view: View, index: int, transaction: Transaction, change: Any) -> RowChange:
    put = row_of(change)
    if put is None:
        removed = change.removed
        old = view.table(removed.table).drop(removed.id)
        return RowChange(removed.table, removed.id, old, None)
    schema, row = put
    table = view.table(schema.name)
    old = table.find(row.id)
    row.version = index
    row.updated_at_ms = transaction.proposed_at_ms
    row.created_at_ms = row.updated_at_ms if old is None else old.created_at_ms
    table.put(row.id, row)
    return RowChange(schema.name, row.id, old, row)


def _forget_old_events(view: View) -> list[RowChange]:
    surplus = len(view.events) - EVENTS_KEPT
    if surplus <= 0:
        return []
    oldest = [event for event, _ in zip(view.events, range(surplus), strict=False)]
    return [RowChange("events", event.id, view.events.drop(event.id), None) for event in oldest]


def _version(view: View, table: str, row_id: str) -> int:
    row = view.table(table).find(row_id)
    return 0 if row is None else int(row.version)
