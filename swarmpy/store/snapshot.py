"""The whole store as bytes, made piece by piece while the store goes on changing.

A row is replaced as a whole and never written to once it is in a table, so a list of the rows
is a consistent picture: taking it is all that has to happen at one moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from swarmpy.pb.transaction_pb2 import StoreSnapshot
from swarmpy.store.tables import SCHEMAS, Schema, change_putting
from swarmpy.store.view import View

PIECE_ROWS: Final = 200
"""Rows that become bytes at once: a few milliseconds."""


def snapshot_of(view: View, index: int, recent_transaction_ids: Iterable[str]) -> Iterator[bytes]:
    """Take the picture now, and return its bytes in pieces: a `StoreSnapshot` when joined."""
    tables = [(schema, list(view.table(schema.name))) for schema in SCHEMAS]
    return _pieces(tables, index, list(recent_transaction_ids))


def _pieces(
    tables: list[tuple[Schema, list[Any]]], index: int, recent_transaction_ids: list[str]
) -> Iterator[bytes]:
    yield _bytes(StoreSnapshot(index=index))
    for schema, rows in tables:
        for start in range(0, len(rows), PIECE_ROWS):
            piece = rows[start : start + PIECE_ROWS]
            yield _bytes(StoreSnapshot(rows=[change_putting(schema, row) for row in piece]))
    yield _bytes(StoreSnapshot(recent_transaction_ids=recent_transaction_ids))


def _bytes(part: StoreSnapshot) -> bytes:
    return part.SerializeToString(deterministic=True)
