"""Makes versions of configs and secrets, and moves on who follows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from swarmpy.core.file_versions import (
    family_of,
    followed,
    is_live,
    newest_of,
    next_number,
    number_of,
    same_content,
)
from swarmpy.core.mode import is_job
from swarmpy.core.references import Names, file_references, resolve_references
from swarmpy.errors import AlreadyExists, InUse, NotFound
from swarmpy.manager.api.concerned import concerned
from swarmpy.manager.api.service_rows import set_spec
from swarmpy.manager.revisions import record
from swarmpy.manager.seat import Seat
from swarmpy.pb.objects_pb2 import Config, Secret
from swarmpy.pb.specs_pb2 import ConfigSpec, SecretSpec, ServiceSpec
from swarmpy.store.editor import Editor
from swarmpy.store.table import Table
from swarmpy.store.view import View

R = TypeVar("R", Config, Secret)


def versions(table: Table[R], reference: str) -> list[R]:
    """Return every version of what a person means by a name, or the one version of an id.

    Raises:
        NotFound, Ambiguous: as `Table.resolve`.
    """
    if reference not in table and (family := table.by("family", reference)):
        return family
    return [table.resolve(reference)]


def newest(table: Table[R], reference: str) -> R:
    """Return the newest of these."""
    found = newest_of(versions(table, reference))
    assert found is not None, "there is one, or none was found"
    return found


def refuse_taken_name(table: Table[R], name: str) -> None:
    """Raise AlreadyExists when a config or secret has this name, or once had."""
    if table.by("name", name) or table.by("family", name):
        raise AlreadyExists(
            f"a {table.kind} named {name!r} exists already",
            remedy=f"give it another content: swarmpy {table.kind} update {name}",
        )


def next_version(table: Table[R], spec: ConfigSpec | SecretSpec) -> tuple[R, int]:
    """Return the newest version of what `spec` names, and the number of the next one; 0 when
    `spec` changes nothing.

    Raises:
        NotFound: nothing has this name.
        InUse: it is a stack's.
    """
    family = table.by("family", spec.name)
    found = newest_of(family)
    if found is None:
        raise NotFound.named(table.kind, spec.name)
    if found.stack_id:
        raise InUse(
            f"{table.kind} {spec.name!r} is a stack's: its manifest says what is in it",
            remedy="change the manifest, and deploy the stack again",
        )
    if same_content(found.spec, spec):
        return found, 0
    return found, next_number(spec.name, family, lambda name: bool(table.by("name", name)))


def move_followers(seat: Seat, tx: Editor, made: Sequence[Config | Secret]) -> None:
    """Let everything that follows these new versions mean them: services roll, the next runs of
    cron jobs use them. A run of a job keeps what it began with.

    Raises:
        InvalidInput: what follows names a key that the new version does not have.
    """
    for row in made:
        kind = "config" if isinstance(row, Config) else "secret"
        table: Table[Config] | Table[Secret] = getattr(tx.view, f"{kind}s")
        before = {one.id for one in table.by("family", family_of(row))}
        reason = f"{kind} {family_of(row)} is at version {number_of(row)}"
        for stored in tx.view.services:
            service = tx.services.find(stored.id)  # a deployment may have changed it already
            if service is None or service.removing or is_job(service):
                continue
            spec = _moved(tx.view, service.spec, kind, before, row)
            if spec is not None:
                with tx.services.edit(service.id) as edited:
                    set_spec(edited, spec)
                    record(tx, edited, reason, seat.ids)
        for stored_job in tx.view.cron_jobs:
            cron_job = tx.cron_jobs.find(stored_job.id)
            if cron_job is None:
                continue
            spec = _moved(tx.view, cron_job.spec.job, kind, before, row)
            if spec is not None:
                with tx.cron_jobs.edit(cron_job.id) as changed:
                    changed.spec.job.CopyFrom(spec)


def _moved(
    view: View, spec: ServiceSpec, kind: str, before: set[str], row: Config | Secret
) -> ServiceSpec | None:
    """Return what a spec becomes by a new version; None when it stays as it is."""
    family = family_of(row)
    if not any(one.name == family for one in file_references(spec.task)):
        return None
    after = ServiceSpec()
    after.CopyFrom(spec)
    is_moved = followed(after, kind, before, row)
    live = [one for one in file_references(spec.task) if is_live(one) and one.name == family]
    if is_moved or live:
        resolve_references(after, _names(view, after, row))
    return after if is_moved else None


def _names(view: View, spec: ServiceSpec, row: Config | Secret) -> Names:
    configs = concerned(view.configs, (), (spec,))
    secrets = concerned(view.secrets, (), (spec,))
    known = Names.of(view.networks, configs, secrets)
    moved = {family_of(row): row.id}
    if isinstance(row, Config):
        return known.with_files(moved, {}, (row,))
    return known.with_files({}, moved, (row,))
