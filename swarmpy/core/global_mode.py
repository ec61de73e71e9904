"""Keeps one slot of a global service filled on every node that may run it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from swarmpy.core.actions import Action, CreateTask, Decision, SetDesiredState, take
from swarmpy.core.enforce import must_leave, next_leave_ms, takes_tasks
from swarmpy.core.handover import limit_ms
from swarmpy.core.new_task import may_make_tasks, new_task
from swarmpy.core.reap import remove
from swarmpy.core.slots import Slot, slots_of
from swarmpy.core.task_life import is_being_stopped
from swarmpy.pb.objects_pb2 import Node, Service, Task
from swarmpy.pb.types_pb2 import TASK_STATE_SHUTDOWN


def reconcile(
    service: Service,
    tasks: Iterable[Task],
    nodes: Mapping[str, Node],
    now_ms: int,
    *,
    may_start: bool = True,
) -> Decision:
    """Return what brings `tasks`, all those of `service`, to one on each node of `nodes`.

    `nodes` holds all there are. A paused node keeps its task but gets no new one. While not
    `may_start`, it fills no slot.
    """
    rows = list(tasks)
    if service.removing:
        return take(remove(rows))
    slots = {slot.node_id: slot for slot in slots_of(rows)}
    held = [slot for slot in slots.values() if slot.holders]
    may_fill = may_start and may_make_tasks(service)
    return take(
        chain(
            _leave(service, held, nodes, now_ms),
            fill(service, slots, nodes, now_ms) if may_fill else (),
        ),
        look_again_ms=next_leave_ms(held, nodes, now_ms),
    )


def fill(
    service: Service, slots: Mapping[str, Slot], nodes: Mapping[str, Node], now_ms: int
) -> Iterator[tuple[Action, ...]]:
    """Yield a step for each node that should have a task and has none. `slots` by node.

    What still stops there, on a node that was away or drained, stops first: two of a kind on
    one node would ask for the same host ports and volumes.
    """
    for node in nodes.values():
        slot = slots.get(node.id)
        if (slot and slot.holders) or not takes_tasks(service.spec.task, node):
            continue
        stopping = [task for task in slot.tasks if is_being_stopped(task)] if slot else []
        start_after_ms = limit_ms(stopping, now_ms) if stopping else 0
        task = new_task(
            service, node_id=node.id, start_after_ms=start_after_ms, stop_first=bool(stopping)
        )
        yield (CreateTask(task),)


def _leave(
    service: Service, held: Iterable[Slot], nodes: Mapping[str, Node], now_ms: int
) -> Iterator[tuple[Action, ...]]:
    for slot in held:
        node = nodes.get(slot.node_id)
        if node is None:
            yield from remove(slot.tasks)
        elif must_leave(service.spec.task, node, now_ms):
            for task in slot.holders:
                yield (SetDesiredState(task.id, TASK_STATE_SHUTDOWN),)
