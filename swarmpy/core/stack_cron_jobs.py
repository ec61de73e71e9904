"""Which cron jobs of a stack to make, to update and to remove."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from swarmpy.core.references import Names, resolve_references
from swarmpy.errors import AlreadyExists, InUse
from swarmpy.pb.objects_pb2 import CronJob
from swarmpy.pb.specs_pb2 import CronJobSpec, ServiceSpec


@dataclass(frozen=True, slots=True)
class CronJobPlan:
    create: tuple[CronJob, ...]
    update: tuple[tuple[str, CronJobSpec], ...]
    leaving: tuple[CronJob, ...]
    foreign: tuple[CronJob, ...]
    """Cron jobs outside the stack."""
    actions: dict[str, str]
    """Name -> "created", "updated", "unchanged" or "removed"."""
    jobs: tuple[ServiceSpec, ...]
    """What the runs of all cron jobs that stay will be."""


def plan_cron_jobs(
    wanted: Sequence[CronJobSpec],
    present: Sequence[CronJob],
    stack_id: str,
    names: Names,
    new_id: Callable[[], str],
) -> CronJobPlan:
    """Return what becomes of a stack's cron jobs; what they run is resolved by `names`.

    Raises:
        AlreadyExists: a cron job outside the stack has one of the names.
        InUse: a cron job of this name is still being removed.
        NotFound: a job refers to what does not exist.
    """
    by_name = {row.spec.name: row for row in present}
    create: list[CronJob] = []
    update: list[tuple[str, CronJobSpec]] = []
    actions: dict[str, str] = {}
    kept: list[CronJobSpec] = []
    for spec in wanted:
        resolved = resolve_cron_job(spec, names)
        kept.append(resolved)
        row = by_name.get(spec.name)
        if row is None:
            create.append(CronJob(id=new_id(), stack_id=stack_id, spec=resolved))
            actions[spec.name] = "created"
            continue
        _refuse_taken(row, stack_id)
        actions[spec.name] = "unchanged" if row.spec == resolved else "updated"
        if row.spec != resolved:
            update.append((row.id, resolved))
    foreign = tuple(row for row in present if row.stack_id != stack_id)
    leaving = [row for row in present if row.stack_id == stack_id and row.spec.name not in actions]
    actions.update((row.spec.name, "removed") for row in leaving)
    return CronJobPlan(
        tuple(create),
        tuple(update),
        tuple(leaving),
        foreign,
        actions,
        tuple(spec.job for spec in [*kept, *(row.spec for row in foreign)]),
    )


def resolve_cron_job(spec: CronJobSpec, names: Names) -> CronJobSpec:
    """Return a copy of `spec` whose job carries ids, as `resolve_references` does.

    Raises:
        NotFound: one line for each name that nothing has.
    """
    resolved = CronJobSpec()
    resolved.CopyFrom(spec)
    resolved.job.CopyFrom(resolve_references(spec.job, names))
    return resolved


def _refuse_taken(row: CronJob, stack_id: str) -> None:
    if row.stack_id != stack_id:
        raise AlreadyExists(
            f"a cron job named {row.spec.name!r} exists already, and not in this stack",
            remedy=f"name it otherwise, or remove it: swarmpy cronjob rm {row.spec.name}",
        )
    if row.removing:
        raise InUse(
            f"cron job {row.spec.name!r} is still being removed",
            remedy=f"deploy again when it is gone: swarmpy cronjob inspect {row.spec.name}",
        )
