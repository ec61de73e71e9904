"""Keeps the slots of a stateful service filled, each by one task at a time, in order.

    ordered    slot n + 1 is filled when all before it are ready; of slots too many the highest
               goes first, and the next when nothing of it runs any more
    parallel   all at once

A slot is ready while a task of it runs (and is healthy), or has ended well where it may.

A new task in a slot waits until the others of the slot are known to have ended (one_at_a_time.py).
A task whose data is on its node stays there while that is down: nothing could take its place
elsewhere, and it may well be running.

Source: Kubernetes, StatefulSet, deployment and scaling guarantees.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from swarmpy.core.actions import Action, CreateTask, Decision, SetDesiredState, take
from swarmpy.core.enforce import next_leave_ms
from swarmpy.core.moves import moves
from swarmpy.core.new_task import is_current, may_make_tasks, new_task, successor
from swarmpy.core.one_at_a_time import waiting
from swarmpy.core.ordinals import give_name, is_held_back, wanted_slots
from swarmpy.core.reap import remove
from swarmpy.core.restart import may_end
from swarmpy.core.slots import Slot, slots_of
from swarmpy.core.task_life import has_completed, is_live, keeps_slot
from swarmpy.pb.objects_pb2 import Node, Service, Task
from swarmpy.pb.types_pb2 import NODE_STATE_DOWN, TASK_STATE_SHUTDOWN


def reconcile(
    service: Service,
    tasks: Iterable[Task],
    nodes: Mapping[str, Node],
    now_ms: int,
    *,
    may_start: bool = True,
    bound: Collection[str] = (),
) -> Decision:
    """Return what brings `tasks`, all those of `service`, to what it asks for.

    `nodes` holds at least those that tasks are on, `bound` the ids of tasks whose data is on their
    node. While not `may_start`, it fills no slot.
    """
    rows = list(tasks)
    if service.removing:
        return take(remove(rows))
    slots = {slot.number: slot for slot in slots_of(rows)}
    wanted = wanted_slots(service)
    kept = [slots[number] for number in wanted if number in slots and slots[number].holders]
    movable = [slot for slot in kept if not _waits_for_its_node(slot, nodes, bound)]
    may_fill = may_start and may_make_tasks(service)
    return take(
        (
            *_shrink(service, [slot for slot in slots.values() if slot.number not in wanted]),
            *moves(service, movable, nodes, now_ms),
            *(_fill(service, slots) if may_fill else ()),
        ),
        look_again_ms=next_leave_ms(kept, nodes, now_ms),
    )


def _fill(service: Service, slots: Mapping[int, Slot]) -> Iterator[tuple[Action, ...]]:
    """Yield a step for each slot to fill now, the lowest first."""
    in_order = not service.spec.stateful.parallel
    for number in wanted_slots(service):
        slot = slots.get(number)
        if slot is None or not slot.holders:
            others = slot.tasks if slot else ()
            yield (CreateTask(waiting(_task_for(service, number, slots.values()), others)),)
            if in_order:
                return
        elif in_order and not _is_ready(service, slot):
            return


def _task_for(service: Service, number: int, slots: Iterable[Slot]) -> Task:
    """Return a task as the service asks for it now; where updates are held back, as others are."""
    if is_held_back(service, number):
        for task in (task for slot in slots for task in slot.holders):
            if is_held_back(service, task.slot) and not is_current(service, task):
                older = successor(task)
                older.slot = number
                give_name(older, service)
                return older
    return new_task(service, slot=number)


def _shrink(service: Service, surplus: Iterable[Slot]) -> Iterator[tuple[Action, ...]]:
    """Yield the steps that stop slots, the highest first, and forget those where nothing runs."""
    for slot in sorted(surplus, key=lambda slot: -slot.number):
        live = [task for task in slot.tasks if is_live(task)]
        if not live:
            yield from remove(slot.tasks)
            continue
        for task in live:
            if keeps_slot(task):
                yield (SetDesiredState(task.id, TASK_STATE_SHUTDOWN),)
        if not service.spec.stateful.parallel:
            return


def _is_ready(service: Service, slot: Slot) -> bool:
    return slot.runs or any(has_completed(task) and may_end(service, task) for task in slot.holders)


def _waits_for_its_node(slot: Slot, nodes: Mapping[str, Node], bound: Collection[str]) -> bool:
    for task in slot.holders:
        node = nodes.get(task.node_id)
        if task.id in bound and node is not None and node.status.state == NODE_STATE_DOWN:
            return True
    return False
