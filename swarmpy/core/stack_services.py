"""Which services of a stack to make, to update and to remove."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from swarmpy.core.references import (
    Names,
    file_references,
    files_of,
    networks_of,
    resolve_references,
)
from swarmpy.core.validate import validate_service_update
from swarmpy.errors import AlreadyExists, InUse, NotFound
from swarmpy.pb.objects_pb2 import Service, Task
from swarmpy.pb.specs_pb2 import ServiceSpec
from swarmpy.pb.types_pb2 import TASK_STATE_RUNNING


@dataclass(frozen=True, slots=True)
class ServicePlan:
    create: tuple[Service, ...]
    update: tuple[tuple[str, ServiceSpec], ...]
    leaving: tuple[Service, ...]
    """Without the runs of cron jobs: they go with theirs."""
    foreign: tuple[Service, ...]
    """Services outside the stack."""
    actions: dict[str, str]
    """Name -> "created", "updated", "unchanged" or "removed"."""
    used_files: frozenset[str]
    """Ids of the configs and secrets that a service, as it will be or as it was one spec
    before, or a task of a service that stays, refers to."""
    used_networks: frozenset[str]
    """Names or ids of the networks that these specs refer to: a rollback needs them."""


def plan_services(
    wanted: Sequence[ServiceSpec],
    present: Sequence[Service],
    stack_id: str,
    names: Names,
    new_id: Callable[[], str],
    tasks: Iterable[Task],
) -> ServicePlan:
    """Return what becomes of a stack's services; specs are resolved by `names`.

    Raises:
        AlreadyExists: a service outside the stack has one of the names.
        InUse: a service of this name is still being removed.
        NotFound: a service refers to, or depends on, what does not exist.
        InvalidInput: a service's mode would change.
    """
    by_name = {row.spec.name: row for row in present}
    _refuse_unknown_dependencies(wanted, by_name, stack_id)
    create: list[Service] = []
    update: list[tuple[str, ServiceSpec]] = []
    actions: dict[str, str] = {}
    kept: list[ServiceSpec] = []
    for spec in wanted:
        resolved = resolve_references(spec, names)
        row = by_name.get(spec.name)
        kept.append(resolved)
        if row is None:
            create.append(Service(id=new_id(), stack_id=stack_id, spec=resolved))
            actions[spec.name] = "created"
            continue
        _refuse_taken(row, stack_id)
        _keep_size(resolved, row)
        if row.spec == resolved:
            kept.append(row.previous_spec)
            actions[spec.name] = "unchanged"
            continue
        validate_service_update(row.spec, resolved)
        kept.append(row.spec)
        update.append((row.id, resolved))
        actions[spec.name] = "updated"
    foreign = [row for row in present if row.stack_id != stack_id]
    others = [row for row in present if row.stack_id == stack_id and row.spec.name not in actions]
    leaving = [row for row in others if not row.cron_job_id]
    actions.update((row.spec.name, "removed") for row in leaving)
    runs = [row for row in others if row.cron_job_id]
    kept.extend(spec for row in (*foreign, *runs) for spec in (row.spec, row.previous_spec))
    return ServicePlan(
        tuple(create),
        tuple(update),
        tuple(leaving),
        tuple(foreign),
        actions,
        files_of(kept) | frozenset(_files_of_tasks(leaving, tasks)),
        networks_of(kept),
    )


def _keep_size(spec: ServiceSpec, row: Service) -> None:
    """Leave a service that scales itself the size that it has."""
    if spec.HasField("autoscale") and row.spec.HasField("replicated"):
        bounds, present = spec.autoscale, row.spec.replicated.replicas
        within = max(bounds.min_replicas, min(present, bounds.max_replicas))
        spec.replicated.replicas = within


def _refuse_unknown_dependencies(
    wanted: Sequence[ServiceSpec], by_name: dict[str, Service], stack_id: str
) -> None:
    known = {spec.name for spec in wanted}
    known.update(name for name, row in by_name.items() if row.stack_id != stack_id)
    for spec in wanted:
        for wait in spec.depends_on:
            if wait.service not in known:
                raise NotFound(
                    f"service {spec.name!r} depends on {wait.service!r}, which no service is named",
                    remedy="correct the name, or add that service",
                )


def _refuse_taken(row: Service, stack_id: str) -> None:
    if row.stack_id != stack_id:
        raise AlreadyExists(
            f"a service named {row.spec.name!r} exists already, and not in this stack",
            remedy=f"name it otherwise, or remove it: swarmpy service rm {row.spec.name}",
        )
    if row.removing:
        raise InUse(
            f"service {row.spec.name!r} is still being removed",
            remedy=f"deploy again when its tasks have ended: swarmpy service ps {row.spec.name}",
        )


def _files_of_tasks(leaving: Iterable[Service], tasks: Iterable[Task]) -> Iterator[str]:
    """Yield what is used by tasks that are not over, of services that stay."""
    gone = {row.id for row in leaving}
    for task in tasks:
        if task.status.state <= TASK_STATE_RUNNING and task.service_id not in gone:
            yield from (file.id or file.name for file in file_references(task.spec))
