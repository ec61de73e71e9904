"""Notices, in tests, who wrote to a row that they were only given to read."""

from __future__ import annotations

from typing import Any

from swarmpy.store.tables import SCHEMAS
from swarmpy.store.view import View


class WriteGuard:
    """Remembers every row as bytes; `check` asserts that each is still what it was."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._seen: dict[tuple[str, str], tuple[Any, bytes]] = {}
        self.remember_all()

    def remember_all(self) -> None:
        self._seen.clear()
        for schema in SCHEMAS:
            for row in self._view.table(schema.name):
                self.remember(schema.name, row)

    def remember(self, table: str, row: Any) -> None:
        self._seen[table, row.id] = (row, row.SerializeToString(deterministic=True))

    def forget(self, table: str, row_id: str) -> None:
        self._seen.pop((table, row_id), None)

    def check(self) -> None:
        """Raise AssertionError naming the first row that was written to."""
        for (table, row_id), (row, before) in self._seen.items():
            assert row.SerializeToString(deterministic=True) == before, (
                f"somebody wrote to {table}/{row_id} outside of store.update()"
            )
