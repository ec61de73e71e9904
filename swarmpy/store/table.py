"""One kind of object: found by id or by index, read by everybody, changed by `apply` alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from swarmpy.errors import Ambiguous, NotFound
from swarmpy.store.tables import Schema

M = TypeVar("M")


class Table(Generic[M]):
    """Rows by id, in order of creation. Rows are shared: read them, never write to them."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._rows: dict[str, M] = {}
        self._places: dict[str, int] = {}
        self._next_place = 0
        self._indexes: dict[str, dict[str, dict[str, None]]] = {name: {} for name in schema.indexes}

    @property
    def kind(self) -> str:
        """What people call one row: "service"."""
        return self.schema.field.replace("_", " ")

    def __iter__(self) -> Iterator[M]:
        return iter(self._rows.values())

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, row_id: str) -> bool:
        return row_id in self._rows

    def find(self, row_id: str) -> M | None:
        """Return the row, or None."""
        return self._rows.get(row_id)

    def get(self, row_id: str) -> M:
        """Return the row.

        Raises:
            NotFound: nothing has this id.
        """
        row = self._rows.get(row_id)
        if row is None:
            raise NotFound.named(self.kind, row_id)
        return row

    def by(self, index: str, value: str) -> list[M]:
        """Return the rows found under `value`, in order of creation."""
        row_ids = sorted(self._indexes[index].get(value, ()), key=self._places.__getitem__)
        return [self._rows[row_id] for row_id in row_ids]

    def resolve(self, reference: str) -> M:
        """Return the row that a person means: by id, by name, or by a prefix of one id.

        Raises:
            NotFound: nothing fits.
            Ambiguous: a prefix fits several ids.
        """
        if reference in self._rows:
            return self._rows[reference]
        if "name" in self._indexes and (named := self.by("name", reference)):
            return named[0]
        fits = [row_id for row_id in self._rows if reference and row_id.startswith(reference)]
        if not fits:
            raise NotFound.named(self.kind, reference)
        if len(fits) > 1:
            raise Ambiguous(
                f"{reference!r} is the beginning of {len(fits)} {self.kind} ids",
                remedy="type more of it: " + ", ".join(sorted(fits)[:5]),
            )
        return self._rows[fits[0]]

    def put(self, row_id: str, row: M) -> None:
        """Insert or replace; a replaced row keeps its place. For `apply` only."""
        old = self._rows.get(row_id)
        if old is None:
            self._places[row_id] = self._next_place
            self._next_place += 1
        self._rows[row_id] = row
        for name, values_of in self.schema.indexes.items():
            values = values_of(row)
            if old is not None:
                before = values_of(old)
                if before == values:
                    continue
                self._forget(name, before, row_id)
            index = self._indexes[name]
            for value in values:
                under = index.get(value)
                if under is None:
                    index[value] = {row_id: None}
                else:
                    under[row_id] = None

    def drop(self, row_id: str) -> M | None:
        """Remove if present and return what was there. For `apply` only."""
        old = self._rows.pop(row_id, None)
        if old is not None:
            for name, values_of in self.schema.indexes.items():
                self._forget(name, values_of(old), row_id)
            del self._places[row_id]
        return old

    def _forget(self, name: str, values: Iterable[str], row_id: str) -> None:
        index = self._indexes[name]
        for value in values:
            under = index[value]
            del under[row_id]
            if not under:
                del index[value]
