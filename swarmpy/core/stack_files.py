"""Revisions of a stack's configs and secrets: what is in one never changes.

A stack's config `shop_nginx` is stored as `shop_nginx.1`; when its data or labels change,
as `shop_nginx.2`, and so on. The services that use it then refer to another id, so their
spec has changed and their tasks roll; a rollback finds the old revision still there.
A revision goes once no service, present or previous, refers to it. The suffix counts
instead of naming a digest of the data: from a digest, short secrets could be guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from swarmpy.errors import AlreadyExists
from swarmpy.pb.objects_pb2 import Config, Secret
from swarmpy.pb.specs_pb2 import ConfigSpec, SecretSpec

R = TypeVar("R", Config, Secret)
S = TypeVar("S", ConfigSpec, SecretSpec)


def revision_of(stored_name: str) -> tuple[str, int]:
    """Return ("shop_nginx", 2) for "shop_nginx.2"; revision 0 for a name without one."""
    name, dot, number = stored_name.rpartition(".")
    if dot and number.isascii() and number.isdigit():
        return name, int(number)
    return stored_name, 0


@dataclass(frozen=True, slots=True)
class FilePlan(Generic[R]):
    """What becomes of a stack's configs, or of its secrets."""

    ids: dict[str, str]
    """Name in the manifest -> id of the revision that is wanted."""
    create: tuple[R, ...]
    actions: dict[str, str]
    """Name in the manifest -> "created", "updated" or "unchanged"."""
    unwanted: tuple[R, ...]
    """Revisions that the manifest no longer means; some may still be referred to."""


def plan_configs(
    wanted: Iterable[ConfigSpec],
    present: Sequence[Config],
    stack_id: str,
    new_id: Callable[[], str],
) -> FilePlan[Config]:
    """Return which revisions to make and which are no longer meant.

    Raises:
        AlreadyExists: something outside the stack has one of the names.
    """

    def make(spec: ConfigSpec, name: str) -> Config:
        row = Config(id=new_id(), stack_id=stack_id, spec=spec)
        row.spec.name = name
        return row

    return _plan("config", list(wanted), present, stack_id, make)


def plan_secrets(
    wanted: Iterable[SecretSpec],
    present: Sequence[Secret],
    stack_id: str,
    new_id: Callable[[], str],
) -> FilePlan[Secret]:
    """Do for secrets what `plan_configs` does for configs."""

    def make(spec: SecretSpec, name: str) -> Secret:
        row = Secret(id=new_id(), stack_id=stack_id, spec=spec)
        row.spec.name = name
        return row

    return _plan("secret", list(wanted), present, stack_id, make)


def _plan(
    kind: str,
    wanted: Sequence[S],
    present: Sequence[R],
    stack_id: str,
    make: Callable[[S, str], R],
) -> FilePlan[R]:
    names = {row.spec.name: row for row in present}
    revisions: dict[str, list[R]] = {}
    for row in present:
        if row.stack_id == stack_id:
            revisions.setdefault(revision_of(row.spec.name)[0], []).append(row)
    ids: dict[str, str] = {}
    create: list[R] = []
    actions: dict[str, str] = {}
    for spec in wanted:
        _refuse_foreign(kind, spec.name, names.get(spec.name), stack_id)
        before = revisions.get(spec.name, [])
        same = [row for row in before if _same(row, spec)]
        if same:
            ids[spec.name], actions[spec.name] = same[-1].id, "unchanged"
            continue
        row = make(spec, _next_name(spec.name, before, names))
        create.append(row)
        ids[spec.name], actions[spec.name] = row.id, "updated" if before else "created"
    meant = set(ids.values())
    unwanted = [row for rows in revisions.values() for row in rows if row.id not in meant]
    return FilePlan(ids, tuple(create), actions, tuple(unwanted))


def _refuse_foreign(kind: str, name: str, row: Config | Secret | None, stack_id: str) -> None:
    if row is not None and row.stack_id != stack_id:
        raise AlreadyExists(
            f"a {kind} named {name!r} exists already, and not in this stack",
            remedy=f"name it otherwise in the stack, or remove it: swarmpy {kind} rm {name}",
        )


def _same(row: Config | Secret, spec: ConfigSpec | SecretSpec) -> bool:
    return row.spec.data == spec.data and row.spec.labels == spec.labels


def _next_name(
    name: str, before: Sequence[Config] | Sequence[Secret], taken: Collection[str]
) -> str:
    number = max((revision_of(row.spec.name)[1] for row in before), default=0) + 1
    while f"{name}.{number}" in taken:
        number += 1
    return f"{name}.{number}"
