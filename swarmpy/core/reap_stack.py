"""Forgets a removed stack: its networks, configs and secrets, and at last itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from swarmpy.core.actions import IN_ORDER, Decision, DeleteRow, take
from swarmpy.core.file_versions import config_references, family_of, secret_references
from swarmpy.core.references import task_spec
from swarmpy.pb.objects_pb2 import Config, CronJob, Network, Secret, Service, Stack
from swarmpy.pb.specs_pb2 import TaskSpec

Belonging: TypeAlias = Network | Config | Secret


def reap_stack(
    stack: Stack, belongings: Mapping[str, Iterable[Belonging]], users: Iterable[Service | CronJob]
) -> Decision:
    """Return which rows of a removed stack to delete.

    `belongings` are the stack's rows by table, `users` the services and cron jobs of the whole
    cluster. Nothing goes before the stack's own have; what another stack's uses stays until that
    has gone, and the stack's own row with it.
    """
    others = list(users)
    if not stack.removing or any(user.stack_id == stack.id for user in others):
        return IN_ORDER
    used = {reference for user in others for reference in _references(task_spec(user))}
    rows = [(table, row) for table, of_table in belongings.items() for row in of_table]
    free = [
        (table, row)
        for table, row in rows
        if used.isdisjoint((table, name) for name in _names(row))
    ]
    deleted = [DeleteRow(table, row.id) for table, row in free]
    if len(free) == len(rows):
        deleted.append(DeleteRow("stacks", stack.id))
    return take((action,) for action in deleted)


def _references(task: TaskSpec) -> Iterable[tuple[str, str]]:
    """Yield (table, name or id) of everything that a task refers to."""
    for attachment in task.networks:
        yield "networks", attachment.network
    for config in config_references(task):
        yield "configs", config.id or config.name
    for secret in secret_references(task):
        yield "secrets", secret.id or secret.name


def _names(row: Belonging) -> set[str]:
    """Return all that a task may call a row by."""
    names = {row.id, row.spec.name}
    return names if isinstance(row, Network) else {*names, family_of(row)}
