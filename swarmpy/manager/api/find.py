"""Finds the node or task that a person means."""

from __future__ import annotations

from swarmpy.core.task_life import keeps_slot
from swarmpy.errors import Ambiguous, NotFound
from swarmpy.pb.objects_pb2 import Node, Service, Task
from swarmpy.store.view import View


def find_node(view: View, reference: str) -> Node:
    """Return the node with this id, hostname or unique prefix of an id.

    Raises:
        NotFound: nothing fits.
        Ambiguous: several nodes have the hostname, or the prefix.
    """
    named = [node for node in view.nodes if node.description.hostname == reference]
    if len(named) > 1 and reference not in view.nodes:
        raise Ambiguous(
            f"{len(named)} nodes have the hostname {reference!r}",
            remedy="name it by id: " + ", ".join(sorted(node.id for node in named)[:5]),
        )
    return named[0] if named and reference not in view.nodes else view.nodes.resolve(reference)


def find_task(view: View, reference: str) -> Task:
    """Return the task with this id, unique prefix of an id, "service.slot" or own name, "db-0".

    Of the tasks that have had a slot, the one that has it now counts, or had it last. Raises
    as `find_node`.
    """
    name, dot, slot = reference.rpartition(".")
    services = view.services.by("name", name) if dot and slot.isdecimal() else []
    if services:
        tasks = view.tasks.by("service_id", services[0].id)
        in_slot = [task for task in tasks if task.slot == int(slot)]
    else:
        in_slot = _called(view, reference)
        if not in_slot:
            return view.tasks.resolve(reference)
    if not in_slot:
        raise NotFound.named("task", reference)
    return max(in_slot, key=lambda task: (keeps_slot(task), task.created_at_ms, task.version))


def _called(view: View, reference: str) -> list[Task]:
    """Return every task of a stateful service that has, or had, this name."""
    services = view.services.by("name", reference.rpartition("-")[0])
    tasks = view.tasks.by("service_id", services[0].id) if services else []
    return [task for task in tasks if task.name == reference]


def find_target(view: View, reference: str) -> Service | Task:
    """Return the service or else the task of this name or id.

    Raises:
        NotFound: neither fits.
        Ambiguous: a prefix fits several.
    """
    try:
        return view.services.resolve(reference)
    except NotFound:
        pass
    try:
        return find_task(view, reference)
    except NotFound:
        raise NotFound(
            f"no service and no task is named {reference!r}",
            remedy="swarmpy service ls, swarmpy task ls",
        ) from None
