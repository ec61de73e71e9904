"""What becomes of a stack's configs and secrets: see file_versions.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from swarmpy.core.file_versions import family_of, newest_of, next_number, same_content
from swarmpy.errors import AlreadyExists
from swarmpy.pb.objects_pb2 import Config, Secret
from swarmpy.pb.specs_pb2 import ConfigSpec, SecretSpec

R = TypeVar("R", Config, Secret)
S = TypeVar("S", ConfigSpec, SecretSpec)


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

    def make(spec: ConfigSpec, number: int) -> Config:
        row = Config(id=new_id(), stack_id=stack_id, spec=spec, number=number)
        row.spec.name = f"{spec.name}.{number}"
        return row

    return _plan("config", list(wanted), present, stack_id, make)


def plan_secrets(
    wanted: Iterable[SecretSpec],
    present: Sequence[Secret],
    stack_id: str,
    new_id: Callable[[], str],
) -> FilePlan[Secret]:
    """Do for secrets what `plan_configs` does for configs."""

    def make(spec: SecretSpec, number: int) -> Secret:
        row = Secret(id=new_id(), stack_id=stack_id, spec=spec, number=number)
        row.spec.name = f"{spec.name}.{number}"
        return row

    return _plan("secret", list(wanted), present, stack_id, make)


def _plan(
    kind: str,
    wanted: Sequence[S],
    present: Sequence[R],
    stack_id: str,
    make: Callable[[S, int], R],
) -> FilePlan[R]:
    names = {row.spec.name: row for row in present}
    foreign = {family_of(row): row for row in present if row.stack_id != stack_id}
    revisions: dict[str, list[R]] = {}
    for row in present:
        if row.stack_id == stack_id:
            revisions.setdefault(family_of(row), []).append(row)
    ids: dict[str, str] = {}
    create: list[R] = []
    actions: dict[str, str] = {}
    for spec in wanted:
        taken = names.get(spec.name) or foreign.get(spec.name)
        _refuse_foreign(kind, spec.name, taken, stack_id)
        before = revisions.get(spec.name, [])
        newest = newest_of(before)
        if newest is not None and same_content(newest.spec, spec):
            ids[spec.name], actions[spec.name] = newest.id, "unchanged"
            continue
        row = make(spec, next_number(spec.name, before, names.__contains__))
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
