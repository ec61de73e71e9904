"""Versions of configs and secrets: what is in one never changes, so a change is another row.

A config `motd` is stored as `motd`, its next version as `motd.2`, and so on; a stack counts from
1: `shop_nginx.1`. All rows of one name are its family. A service that follows the newest version
then refers to another id, so its spec has changed and its tasks roll; a rollback finds the old
version still there. An old version goes once nothing refers to it. The suffix counts instead of
naming a digest of the data: from a digest, short secrets could be guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TypeAlias, TypeVar

from swarmpy.core.pod import all_containers
from swarmpy.pb.objects_pb2 import Config, Secret
from swarmpy.pb.specs_pb2 import ConfigSpec, SecretSpec, ServiceSpec, TaskSpec
from swarmpy.pb.types_pb2 import FILE_CHANGE_LIVE, FileReference

R = TypeVar("R", Config, Secret)
File: TypeAlias = Config | Secret


# --- names


def revision_of(stored_name: str) -> tuple[str, int]:
    """Return ("shop_nginx", 2) for "shop_nginx.2"; revision 0 for a name without one."""
    name, dot, number = stored_name.rpartition(".")
    if dot and number.isascii() and number.isdigit():
        return name, int(number)
    return stored_name, 0


def family_of(row: File) -> str:
    """Return the name that all versions of a config or secret share."""
    if row.number:
        return row.spec.name.removesuffix(f".{row.number}")
    return revision_of(row.spec.name)[0] if row.stack_id else row.spec.name


def number_of(row: File) -> int:
    """Return which version of its family a row is, from 1 on."""
    return row.number or (revision_of(row.spec.name)[1] if row.stack_id else 0) or 1


def newest_of(rows: Iterable[R]) -> R | None:
    """Return the newest of the rows of one family."""
    return max(rows, key=number_of, default=None)


def next_number(family: str, rows: Iterable[File], is_taken: Callable[[str], bool]) -> int:
    """Return the number of the version after `rows`, whose stored name nothing has."""
    number = max((number_of(row) for row in rows), default=0) + 1
    while is_taken(f"{family}.{number}"):
        number += 1
    return number


# --- contents


def same_content(one: ConfigSpec | SecretSpec, other: ConfigSpec | SecretSpec) -> bool:
    """Say whether two specs differ in nothing but their names."""
    return (one.data, one.template, dict(one.entries), dict(one.labels)) == (
        other.data,
        other.template,
        dict(other.entries),
        dict(other.labels),
    )


def contents(spec: ConfigSpec | SecretSpec) -> dict[str, bytes]:
    """Return key -> data; what has no keys is under ""."""
    return {key: spec.entries[key] for key in sorted(spec.entries)} or {"": spec.data}


def sizes(spec: ConfigSpec | SecretSpec) -> dict[str, int]:
    """Return key -> bytes, as `contents`."""
    return {key: len(data) for key, data in contents(spec).items()}


# --- references


def config_references(task: TaskSpec) -> Iterator[FileReference]:
    """Yield every reference of a task to a config."""
    for container in all_containers(task):
        yield from container.configs
        yield from (one.config for one in container.environment_from if one.HasField("config"))


def secret_references(task: TaskSpec) -> Iterator[FileReference]:
    """Yield every reference of a task to a secret."""
    for container in all_containers(task):
        yield from container.secrets
        yield from (one.secret for one in container.environment_from if one.HasField("secret"))


REFERENCES: dict[str, Callable[[TaskSpec], Iterator[FileReference]]] = {
    "config": config_references,
    "secret": secret_references,
}


def is_live(reference: FileReference) -> bool:
    """Say whether its files change in place: it then names a family, and no version of it."""
    return reference.on_change == FILE_CHANGE_LIVE


def newest_id(table: str, reference: FileReference) -> str:
    """Return the id of the `NewestFile` that a reference follows in place."""
    return f"{table}/{reference.name}"


def refers_to(reference: FileReference, row: File) -> bool:
    """Say whether a resolved reference needs this row, or may need it."""
    if reference.id:
        return reference.id == row.id
    return reference.name in {row.spec.name, family_of(row)}


def followed(spec: ServiceSpec, kind: str, before: Collection[str], row: File) -> bool:
    """Let every reference that follows the newest version mean `row`; say whether one did not.

    `before` are the ids of the versions before it. Pinned references stay as they are.
    """
    changed = False
    for reference in REFERENCES[kind](spec.task):
        if not reference.version and reference.name == family_of(row) and reference.id in before:
            reference.id, changed = row.id, True
    return changed


# --- what is over


def outdated(rows: Iterable[R], used: Collection[str]) -> list[R]:
    """Return the versions of one family that are not its newest, and whose id is not used."""
    versions = list(rows)
    newest = newest_of(versions)
    return [row for row in versions if row is not newest and row.id not in used]
