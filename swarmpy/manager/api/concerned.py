"""The configs and secrets that specs are about: a swarm may hold many more than one stack uses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from swarmpy.core.file_versions import revision_of
from swarmpy.core.references import file_references
from swarmpy.pb.objects_pb2 import Config, Secret
from swarmpy.pb.specs_pb2 import ServiceSpec
from swarmpy.pb.types_pb2 import FileReference
from swarmpy.store.table import Table

R = TypeVar("R", Config, Secret)


def concerned(
    table: Table[R], names: Iterable[str], services: Iterable[ServiceSpec], stack_id: str = ""
) -> list[R]:
    """Return the rows of a stack, every revision of what is named, and what services refer to."""
    references: list[FileReference] = [
        file for service in services for file in file_references(service.task)
    ]
    rows: dict[str, R] = {}
    if stack_id:
        rows.update((row.id, row) for row in table.by("stack_id", stack_id))
    for name in {*names, *_names(references)}:
        for family in (name, revision_of(name)[0]):
            rows.update((row.id, row) for row in table.by("family", family))
        rows.update((row.id, row) for row in table.by("name", name))
    for file in references:
        row = table.find(file.id)
        if row is not None:
            rows[row.id] = row
    return list(rows.values())


def _names(references: Iterable[FileReference]) -> Iterator[str]:
    return (file.name for file in references if file.name)
