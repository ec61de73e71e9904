"""Moves one batch of slots to the new spec."""

from __future__ import annotations

from collections.abc import Iterator

from swarmpy.core.actions import Action, CreateTask, SetDesiredState
from swarmpy.core.handover import limit_ms
from swarmpy.core.mode import is_stateful
from swarmpy.core.new_task import new_task
from swarmpy.core.rollout.update import Update
from swarmpy.core.slots import Slot
from swarmpy.core.task_life import has_node, is_live
from swarmpy.pb.types_pb2 import TASK_STATE_SHUTDOWN, UPDATE_ORDER_START_FIRST


def next_batch(update: Update) -> Iterator[tuple[Action, ...]]:
    """Yield a step for each slot of the next batch; those that do not run come first."""
    broken_first = in_order(update)
    for slot in broken_first[: update.config.parallelism or len(broken_first)]:
        if update.config.order == UPDATE_ORDER_START_FIRST:
            yield start_first(update, slot)
        else:
            yield stop_first(update, slot)


def in_order(update: Update) -> list[Slot]:
    """Return the slots that are to move: those that do not run first; of a stateful service the
    highest first.
    """
    is_backwards = is_stateful(update.service)
    return sorted(update.to_do, key=lambda slot: (slot.runs, -slot.number if is_backwards else 0))


def start_first(update: Update, slot: Slot) -> tuple[Action, ...]:
    """Make the new task; what holds the slot goes on until that has proven itself."""
    return (CreateTask(new_task(update.service, slot=slot.number, node_id=slot.node_id)),)


def stop_first(update: Update, slot: Slot) -> tuple[Action, ...]:
    """Stop what holds the slot; the new task is prepared meanwhile and waits for the end."""
    stopping = [task for task in slot.tasks if is_live(task) and has_node(task)]
    new = new_task(
        update.service,
        slot=slot.number,
        node_id=slot.node_id,
        start_after_ms=limit_ms(update.service, stopping, update.now_ms) if stopping else 0,
        stop_first=bool(stopping),
    )
    stops = (SetDesiredState(task.id, TASK_STATE_SHUTDOWN) for task in slot.holders)
    return (*stops, CreateTask(new))
