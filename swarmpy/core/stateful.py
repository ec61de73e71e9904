"""Keeps the slots of a stateful service: tasks that have names, and come and go in order.

    slot          1      2      3         ordinals count from `first_ordinal`, 0 unless told
    name        db-0   db-1   db-2        of the task, and of its host

In order, unless the service says parallel: a slot is filled once those below it serve, and the
highest goes first, the next one when nothing of it is left. Whatever the order, **at most one
task of a slot ever runs**: a new one starts when those before it are known to have ended, and
as long as a node is down, nothing is known. Its tasks are replaced once it is back, or removed.

Source: Kubernetes, StatefulSet v1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from swarmpy.core.actions import Action, CreateTask, Decision, take
from swarmpy.core.disruption import serves
from swarmpy.core.enforce import next_leave_ms
from swarmpy.core.handover import UNTIL_THEY_END_MS
from swarmpy.core.moves import moves
from swarmpy.core.new_task import may_make_tasks, new_task
from swarmpy.core.reap import remove
from swarmpy.core.slots import Slot, slots_of
from swarmpy.core.task_life import has_node, is_live
from swarmpy.pb.objects_pb2 import Node, Service, Task


def reconcile(
    service: Service,
    tasks: Iterable[Task],
    nodes: Mapping[str, Node],
    now_ms: int,
    *,
    may_start: bool = True,
) -> Decision:
    """Return what brings `tasks`, all those of `service`, to what it asks for.

    `nodes` holds at least those that tasks are on. While not `may_start`, it fills no slot.
    """
    rows = list(tasks)
    if service.removing:
        return take(remove(rows))
    slots = {slot.number: slot for slot in slots_of(rows)}
    wanted = service.spec.replicated.replicas
    kept = [slot for slot in slots.values() if slot.number <= wanted and slot.holders]
    may_fill = may_start and may_make_tasks(service)
    return take(
        chain(
            _shrink(service, [slot for slot in slots.values() if slot.number > wanted]),
            moves(service, kept, nodes, now_ms),
            _fill(service, slots, wanted) if may_fill else (),
        ),
        look_again_ms=next_leave_ms(kept, nodes, now_ms),
    )


def _shrink(service: Service, surplus: list[Slot]) -> Iterator[tuple[Action, ...]]:
    """Yield the steps that empty slots from the highest down."""
    for slot in sorted(surplus, key=lambda slot: slot.number, reverse=True):
        yield from remove(slot.tasks)
        if _may_run(slot) and not service.spec.stateful.parallel:
            return


def _fill(service: Service, slots: Mapping[int, Slot], wanted: int) -> Iterator[tuple[Action, ...]]:
    """Yield a step for each slot that is to be filled now, the lowest first."""
    for number in range(1, wanted + 1):
        slot = slots.get(number)
        if slot is None or not slot.holders:
            yield (CreateTask(_next_of(service, number, slot)),)
            if not service.spec.stateful.parallel:
                return
        elif not service.spec.stateful.parallel and not serves(slot):
            return


def _next_of(service: Service, number: int, slot: Slot | None) -> Task:
    """Return a task that starts when nothing of its slot runs any more."""
    waits = slot is not None and _may_run(slot)
    start_after_ms = UNTIL_THEY_END_MS if waits else 0
    return new_task(service, slot=number, start_after_ms=start_after_ms, stop_first=waits)


def _may_run(slot: Slot) -> bool:
    """Say whether something of a slot may still run, as far as anybody knows."""
    return any(has_node(task) and is_live(task) for task in slot.tasks)
