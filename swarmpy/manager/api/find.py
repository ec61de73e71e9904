"""Finds the node or task that a person means."""

from __future__ import annotations

from swarmpy.core.mode import is_stateful
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
    """Return the task with this id, unique prefix of an id, "service.slot", or its name.

    Of the tasks that have had a slot, the one that has it now counts, or had it last. Raises
    as `find_node`.
    """
    in_slot = _in_slot(view, reference)
    if in_slot is None:
        return view.tasks.resolve(reference)
    if not in_slot:
        raise NotFound.named("task", reference)
    return max(in_slot, key=lambda task: (keeps_slot(task), task.created_at_ms, task.version))


def _in_slot(view: View, reference: str) -> list[Task] | None:
    """Return the tasks of "web.2", or of "db-0" in a stateful service; None if it is neither."""
    for mark in ".-":
        name, found, number = reference.rpartition(mark)
        services = view.services.by("name", name) if found and number.isdecimal() else []
        if services and (mark == "." or is_stateful(services[0])):
            tasks = view.tasks.by("service_id", services[0].id)
            if mark == ".":
                return [task for task in tasks if task.slot == int(number)]
            return [task for task in tasks if task.name == reference]
    return None


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
