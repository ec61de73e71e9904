"""Forgets a removed stack: its networks, configs and secrets, and at last itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from swarmpy.core.actions import IN_ORDER, Decision, DeleteRow, take
from swarmpy.pb.objects_pb2 import Config, Network, Secret, Service, Stack

Belonging: TypeAlias = Network | Config | Secret


def reap_stack(
    stack: Stack, belongings: Mapping[str, Iterable[Belonging]], services: Iterable[Service]
) -> Decision:
    """Return which rows of a removed stack to delete.

    `belongings` are the stack's rows by table, `services` those of the whole cluster. Nothing
    goes before the stack's services have; what another stack's service uses stays until that
    has gone, and the stack's own row with it.
    """
    others = list(services)
    if not stack.removing or any(service.stack_id == stack.id for service in others):
        return IN_ORDER
    used = {reference for service in others for reference in _references(service)}
    rows = [(table, row) for table, of_table in belongings.items() for row in of_table]
    free = [
        (table, row)
        for table, row in rows
        if used.isdisjoint({(table, row.id), (table, row.spec.name)})
    ]
    deleted = [DeleteRow(table, row.id) for table, row in free]
    if len(free) == len(rows):
        deleted.append(DeleteRow("stacks", stack.id))
    return take((action,) for action in deleted)


def _references(service: Service) -> Iterable[tuple[str, str]]:
    """Yield (table, name or id) of everything that a service's tasks refer to."""
    for attachment in service.spec.task.networks:
        yield "networks", attachment.network
    for container in service.spec.task.containers:
        for config in container.configs:
            yield "configs", config.id or config.name
        for secret in container.secrets:
            yield "secrets", secret.id or secret.name
