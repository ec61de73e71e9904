"""Keeps `replicas` slots of a replicated service filled.

It counts slots, not tasks: a slot is filled while a task keeps it, running or not. What
happens within a filled slot is for others to decide (see README.md), except that a task
leaves a node that it cannot stay on.

Source: moby/swarmkit design/orchestrators.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain, count, islice

from swarmpy.core.actions import Action, CreateTask, Decision, take
from swarmpy.core.enforce import next_leave_ms
from swarmpy.core.moves import moves
from swarmpy.core.new_task import may_make_tasks, new_task
from swarmpy.core.reap import remove
from swarmpy.core.slots import Slot, SlotKey, held_slots
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
    held = held_slots(rows)
    wanted = service.spec.replicated.replicas
    surplus = _surplus(held.values(), len(held) - wanted)
    dropped = {slot.key for slot in surplus}
    kept = [slot for slot in held.values() if slot.key not in dropped]
    may_fill = may_start and may_make_tasks(service)
    return take(
        chain(
            (step for slot in surplus for step in remove(slot.tasks)),
            moves(service, kept, nodes, now_ms),
            _fill(service, held, wanted - len(held)) if may_fill else (),
        ),
        look_again_ms=next_leave_ms(kept, nodes, now_ms),
    )


def _fill(
    service: Service, held: Collection[SlotKey], missing: int
) -> Iterator[tuple[Action, ...]]:
    """Yield a step for each missing slot, the lowest free numbers first."""
    free = (number for number in count(1) if (number, "") not in held)
    for number in islice(free, max(0, missing)):
        yield (CreateTask(new_task(service, slot=number)),)


def _surplus(held: Iterable[Slot], number: int) -> list[Slot]:
    """Return the `number` slots that will be missed least.

    First those that do not run, then those on the nodes that run the most of them, then the
    highest numbers: the first replica is often the one that others know by name.
    """
    on_node: Counter[str] = Counter()
    worth: list[tuple[bool, int, int, Slot]] = []
    for slot in held:
        node_id = next((task.node_id for task in slot.holders if task.node_id), "")
        on_node[node_id] += 1
        worth.append((slot.runs, -on_node[node_id], -slot.number, slot))
    worth.sort(key=lambda entry: entry[:3])
    return [slot for *_, slot in worth[: max(0, number)]]
