"""One transaction in the making: reads go to the view, writes to copies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from swarmpy.errors import NotFound
from swarmpy.pb.objects_pb2 import (
    Cluster,
    Config,
    CronJob,
    Event,
    JoinToken,
    Network,
    Node,
    RegistryCredential,
    Revision,
    Secret,
    Service,
    Stack,
    Task,
    Volume,
)
from swarmpy.pb.transaction_pb2 import RowVersion, Transaction
from swarmpy.store.table import Table
from swarmpy.store.view import View

M = TypeVar("M")


class TableEditor(Generic[M]):
    """Collects one transaction's changes to one table. What it reads includes them."""

    def __init__(self, table: Table[M], checks: dict[tuple[str, str], int]) -> None:
        self._table = table
        self._checks = checks
        self._changed: dict[str, Any] = {}
        self._removed: dict[str, int] = {}
        """The version that each row to be removed was seen at."""

    def find(self, row_id: str) -> M | None:
        """Return the row as this transaction leaves it, or None."""
        if row_id in self._changed:
            return self._changed[row_id]  # type: ignore[no-any-return]
        return self._table.find(row_id)

    def create(self, row: M) -> M:
        """Add a new row, with its id filled in. Returns the copy that will be stored."""
        row_id: str = row.id  # type: ignore[attr-defined]
        assert row_id, "a row needs an id before it is created"
        assert row.version == 0, f"{self._table.kind} {row_id} is not new"  # type: ignore[attr-defined]
        there = row_id in self._changed or row_id in self._table
        assert not there, f"{self._table.kind} {row_id} exists"
        self._changed[row_id] = _copy(row)
        return self._changed[row_id]  # type: ignore[no-any-return]

    @contextmanager
    def edit(self, row_id: str) -> Iterator[M]:
        """Yield a copy to change; it is committed with the transaction.

        Raises:
            NotFound: nothing has this id, or no more in this transaction.
        """
        if row_id not in self._changed:
            self._changed[row_id] = _copy(self._table.get(row_id))
        yield self._present(row_id)

    def delete(self, row_id: str) -> None:
        """Remove a row. Raises NotFound when it is not there."""
        row: Any = self._present(row_id)
        if row.version:
            self._changed[row_id] = None
            self._removed[row_id] = row.version
        else:
            del self._changed[row_id]

    def check(self, row_id: str) -> None:
        """Drop the transaction if this row changes, appears or goes before it is applied."""
        row: Any = self._table.find(row_id)
        self._checks[self._table.schema.name, row_id] = 0 if row is None else row.version

    def add_to(self, transaction: Transaction) -> None:
        """Add what was asked for; a row edited to what it was adds nothing."""
        schema, add = self._table.schema, transaction.changes.add
        for row_id, row in self._changed.items():
            if row is None:
                removed = add().removed
                removed.table, removed.id = schema.name, row_id
                removed.version = self._removed[row_id]
            elif row != self._table.find(row_id):
                getattr(add(), schema.field).CopyFrom(row)

    def _present(self, row_id: str) -> M:
        """Return the row as `find` does. Raises NotFound instead of None."""
        row = self.find(row_id)
        if row is None:
            raise NotFound.named(self._table.kind, row_id)
        return row


class Editor:
    """One transaction: read `view`, write through the tables."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._checks: dict[tuple[str, str], int] = {}
        self.clusters = TableEditor[Cluster](view.clusters, self._checks)
        self.nodes = TableEditor[Node](view.nodes, self._checks)
        self.services = TableEditor[Service](view.services, self._checks)
        self.revisions = TableEditor[Revision](view.revisions, self._checks)
        self.cron_jobs = TableEditor[CronJob](view.cron_jobs, self._checks)
        self.tasks = TableEditor[Task](view.tasks, self._checks)
        self.networks = TableEditor[Network](view.networks, self._checks)
        self.configs = TableEditor[Config](view.configs, self._checks)
        self.secrets = TableEditor[Secret](view.secrets, self._checks)
        self.volumes = TableEditor[Volume](view.volumes, self._checks)
        self.stacks = TableEditor[Stack](view.stacks, self._checks)
        self.registry_credentials = TableEditor[RegistryCredential](
            view.registry_credentials, self._checks
        )
        self.join_tokens = TableEditor[JoinToken](view.join_tokens, self._checks)
        self.events = TableEditor[Event](view.events, self._checks)

    def transaction(self, transaction_id: str, now_ms: int) -> Transaction:
        """Return what was collected so far."""
        transaction = Transaction(
            id=transaction_id,
            proposed_at_ms=now_ms,
            checks=[
                RowVersion(table=table, id=row_id, version=version)
                for (table, row_id), version in self._checks.items()
            ],
        )
        for editor in vars(self).values():
            if isinstance(editor, TableEditor):
                editor.add_to(transaction)
        return transaction


def _copy(row: M) -> M:
    copy = type(row)()
    copy.CopyFrom(row)  # type: ignore[attr-defined]
    return copy
