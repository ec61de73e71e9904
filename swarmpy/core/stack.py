"""What a stack's manifest asks to change: wanted minus present, for every kind of object.

Apply a plan in one transaction, in the order of its fields. Networks, configs and secrets
go last; a network's subnet is not handed out again while tasks still have addresses in it.
An empty manifest removes the stack.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from swarmpy.core.actions import DeleteRow
from swarmpy.core.file_versions import family_of
from swarmpy.core.references import Names, files_of, networks_of, resolve_references
from swarmpy.core.stack_cron_jobs import plan_cron_jobs
from swarmpy.core.stack_files import FilePlan, plan_configs, plan_secrets
from swarmpy.core.stack_networks import plan_networks, refuse_if_used
from swarmpy.core.stack_services import plan_services
from swarmpy.core.stack_volumes import plan_volumes, refuse_misused
from swarmpy.pb.control_pb2 import StackChange
from swarmpy.pb.objects_pb2 import (
    Config,
    CronJob,
    Network,
    Revision,
    Secret,
    Service,
    Task,
    Volume,
)
from swarmpy.pb.specs_pb2 import CronJobSpec, NetworkSpec, ServiceSpec, StackSpec, VolumeSpec

__all__ = ["Names", "Present", "StackPlan", "plan", "resolve_references"]

R = TypeVar("R", Network, Config, Secret)


@dataclass(frozen=True, slots=True)
class Present:
    """What the swarm holds, in whichever stack or in none: all services, cron jobs, networks and
    tasks; of configs and secrets, at least the stack's, and every revision of what is named.
    """

    services: Sequence[Service] = ()
    cron_jobs: Sequence[CronJob] = ()
    networks: Sequence[Network] = ()
    volumes: Sequence[Volume] = ()
    """Those that stay."""
    stacks: Collection[str] = ()
    """Ids of the stacks that there are: what a stack left behind, one of its name takes up."""
    configs: Sequence[Config] = ()
    secrets: Sequence[Secret] = ()
    tasks: Sequence[Task] = ()
    revisions: Sequence[Revision] = ()


@dataclass(frozen=True, slots=True)
class StackPlan:
    """What to write. New rows carry their id, their stack and a resolved spec."""

    create_networks: tuple[Network, ...]
    update_networks: tuple[tuple[str, NetworkSpec], ...]
    create_volumes: tuple[Volume, ...]
    update_volumes: tuple[tuple[str, VolumeSpec], ...]
    create_configs: tuple[Config, ...]
    create_secrets: tuple[Secret, ...]
    create_services: tuple[Service, ...]
    update_services: tuple[tuple[str, ServiceSpec], ...]
    remove_services: tuple[str, ...]
    """Ids of services to mark `removing`: their tasks end first."""
    create_cron_jobs: tuple[CronJob, ...]
    update_cron_jobs: tuple[tuple[str, CronJobSpec], ...]
    remove_cron_jobs: tuple[str, ...]
    """Ids of cron jobs to mark `removing`: their runs end first."""
    delete: tuple[DeleteRow, ...]
    """Networks, configs and secrets that nothing in the plan refers to."""
    changes: tuple[StackChange, ...]
    """One for each name in the manifest, and for each that left it and goes now. What a
    rollback still needs goes with a later deploy."""


def plan(spec: StackSpec, stack_id: str, present: Present, new_id: Callable[[], str]) -> StackPlan:
    """Return what to write so that the stack becomes what its validated manifest says.

    Raises:
        AlreadyExists: something outside the stack has one of its names.
        NotFound: a service refers to what does not exist.
        InUse: what would go, or come again, is still in use.
        Clash: a network would have to change in place.
        InvalidInput: a service's mode would change.
    """
    configs = plan_configs(spec.configs, present.configs, stack_id, new_id)
    secrets = plan_secrets(spec.secrets, present.secrets, stack_id, new_id)
    networks = plan_networks(spec.networks, present.networks, stack_id, new_id)
    names = Names.of(
        networks=(*_without(present.networks, networks.leaving), *networks.create),
        configs=_without(present.configs, configs.unwanted),
        secrets=_without(present.secrets, secrets.unwanted),
    ).with_files(
        configs.ids,
        secrets.ids,
        (*present.configs, *configs.create, *present.secrets, *secrets.create),
    )
    volumes = plan_volumes(spec.volumes, present.volumes, present.stacks, stack_id, new_id)
    mounting = [(one.name, one) for one in spec.services]
    mounting += [(one.name, one.job) for one in spec.cron_jobs]
    refuse_misused(mounting, volumes.find)
    services = plan_services(
        spec.services, present.services, stack_id, names, new_id, present.tasks
    )
    cron_jobs = plan_cron_jobs(spec.cron_jobs, present.cron_jobs, stack_id, names, new_id)
    refuse_if_used(networks.leaving, (*services.foreign, *cron_jobs.foreign))
    leaving = {row.id for row in services.leaving}
    past = [row.spec for row in present.revisions if row.service_id not in leaving]
    used_networks = services.used_networks | networks_of(cron_jobs.jobs)
    used_files = services.used_files | files_of([*cron_jobs.jobs, *past])
    unused = [row for row in networks.leaving if not _is_used(row, used_networks)]
    deleted = [
        DeleteRow(table, row.id)
        for table, rows in (("configs", configs.unwanted), ("secrets", secrets.unwanted))
        for row in rows
        if used_files.isdisjoint((row.id, family_of(row)))
    ]
    return StackPlan(
        create_networks=networks.create,
        update_networks=networks.update,
        create_volumes=volumes.create,
        update_volumes=volumes.update,
        create_configs=configs.create,
        create_secrets=secrets.create,
        create_services=services.create,
        update_services=services.update,
        remove_services=tuple(row.id for row in services.leaving if not row.removing),
        create_cron_jobs=cron_jobs.create,
        update_cron_jobs=cron_jobs.update,
        remove_cron_jobs=tuple(row.id for row in cron_jobs.leaving if not row.removing),
        delete=(*(DeleteRow("networks", row.id) for row in unused), *deleted),
        changes=(
            *_changes("network", networks.actions),
            *_changes("network", {row.spec.name: "removed" for row in unused}),
            *_changes("volume", volumes.actions),
            *_changes("config", _file_actions(configs, {row.row_id for row in deleted})),
            *_changes("secret", _file_actions(secrets, {row.row_id for row in deleted})),
            *_changes("service", services.actions),
            *_changes("cron job", cron_jobs.actions),
        ),
    )


def _without(rows: Sequence[R], others: Sequence[R]) -> list[R]:
    gone = {row.id for row in others}
    return [row for row in rows if row.id not in gone]


def _is_used(row: Network, used: Collection[str]) -> bool:
    return row.id in used or row.spec.name in used


def _file_actions(
    files: FilePlan[Config] | FilePlan[Secret], deleted: Collection[str]
) -> dict[str, str]:
    """Add the names that left the manifest and whose last revision goes now."""
    removed = {family_of(row) for row in files.unwanted if row.id in deleted}
    return {**dict.fromkeys(sorted(removed), "removed"), **files.actions}


def _changes(kind: str, actions: dict[str, str]) -> Iterator[StackChange]:
    for name, action in actions.items():
        yield StackChange(kind=kind, name=name, action=action)
