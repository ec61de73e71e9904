"""Which tables there are, what their rows are, and by what else than the id rows are found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from swarmpy.core.file_versions import family_of
from swarmpy.core.references import files_of
from swarmpy.pb.objects_pb2 import (
    Cluster,
    Config,
    CronJob,
    Event,
    JoinToken,
    Network,
    Node,
    RegistryCredential,
    Revision,
    Secret,
    Service,
    Stack,
    Task,
    Volume,
)
from swarmpy.pb.transaction_pb2 import Change
from swarmpy.pb.types_pb2 import TASK_STATE_NEW

Row: TypeAlias = (
    Cluster
    | Node
    | Service
    | Task
    | Network
    | Config
    | Secret
    | Stack
    | JoinToken
    | Event
    | CronJob
    | Revision
    | Volume
    | RegistryCredential
)

Index: TypeAlias = Callable[[Any], Iterable[str]]
"""Gives the values a row is found under."""


@dataclass(frozen=True, slots=True)
class Schema:
    """One table: its name, its field in `Change`, and its indexes."""

    name: str
    field: str
    row: type[Row]
    indexes: Mapping[str, Index]


_SPEC_NAME: Index = lambda row: (row.spec.name,)  # noqa: E731
_STACK: Index = lambda row: (row.stack_id,)  # noqa: E731
_FILES: Mapping[str, Index] = {
    "name": _SPEC_NAME,
    "stack_id": _STACK,
    "family": lambda row: (family_of(row),),  # all versions of one file
}
SCHEMAS: tuple[Schema, ...] = (
    Schema("clusters", "cluster", Cluster, {}),
    Schema(
        "nodes",
        "node",
        Node,
        {"manager": lambda node: ("yes",) if node.HasField("manager") else ()},
    ),
    Schema(
        "services",
        "service",
        Service,
        {
            "name": _SPEC_NAME,
            "stack_id": _STACK,
            "depends_on": lambda service: {wait.service for wait in service.spec.depends_on},
            "cron_job_id": lambda service: (service.cron_job_id,) if service.cron_job_id else (),
            "file": lambda service: files_of((service.spec, service.previous_spec)),
        },
    ),
    Schema(
        "revisions",
        "revision",
        Revision,
        {"service_id": lambda row: (row.service_id,), "file": lambda row: files_of((row.spec,))},
    ),
    Schema(
        "cron_jobs",
        "cron_job",
        CronJob,
        {
            "name": _SPEC_NAME,
            "stack_id": _STACK,
            "file": lambda row: files_of((row.spec.job,)),
        },
    ),
    Schema(
        "tasks",
        "task",
        Task,
        {
            "service_id": lambda task: (task.service_id,),
            "node_id": lambda task: (task.node_id,),
            "to_allocate": lambda task: ("yes",) if task.status.state == TASK_STATE_NEW else (),
            "network_id": lambda task: [one.network_id for one in task.addresses],
        },
    ),
    Schema("networks", "network", Network, {"name": _SPEC_NAME, "stack_id": _STACK}),
    Schema("configs", "config", Config, _FILES),
    Schema("secrets", "secret", Secret, _FILES),
    Schema(
        "volumes",
        "volume",
        Volume,
        {
            "name": _SPEC_NAME,
            "stack_id": _STACK,
            "service_id": lambda volume: (volume.service_id,),
            "node_id": lambda volume: tuple(volume.node_ids),
        },
    ),
    Schema(
        "stacks",
        "stack",
        Stack,
        {
            "name": lambda stack: (stack.name,),
            "removing": lambda stack: ("yes",) if stack.removing else (),
        },
    ),
    Schema(
        "registry_credentials",
        "registry_credential",
        RegistryCredential,
        {"registry": lambda row: (row.registry,)},
    ),
    Schema("join_tokens", "join_token", JoinToken, {}),
    Schema("events", "event", Event, {"object_id": lambda event: (event.object_id,)}),
)

BY_NAME: Mapping[str, Schema] = {schema.name: schema for schema in SCHEMAS}
BY_FIELD: Mapping[str, Schema] = {schema.field: schema for schema in SCHEMAS}


def row_of(change: Change) -> tuple[Schema, Row] | None:
    """Return the row that a change puts and its table; None when it removes one."""
    name = change.WhichOneof("change")
    if name is None or name == "removed":
        return None
    return BY_FIELD[name], getattr(change, name)


def change_putting(schema: Schema, row: Row) -> Change:
    """Return the change that puts `row`; it holds a copy."""
    return Change(**{schema.field: row})  # type: ignore[arg-type]
