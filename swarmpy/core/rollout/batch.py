"""Moves one batch of slots to the new spec."""

from __future__ import annotations

from collections.abc import Iterator

from swarmpy.core.actions import Action, CreateTask, SetDesiredState
from swarmpy.core.handover import limit_ms
from swarmpy.core.new_task import new_task
from swarmpy.core.one_at_a_time import waiting
from swarmpy.core.rollout.update import Update
from swarmpy.core.slots import Slot
from swarmpy.core.task_life import has_node, is_live
from swarmpy.pb.types_pb2 import TASK_STATE_SHUTDOWN, UPDATE_ORDER_START_FIRST


def next_batch(update: Update) -> Iterator[tuple[Action, ...]]:
    """Yield a step for each slot of the next batch."""
    following = update.in_order
    for slot in following[: update.config.parallelism or len(following)]:
        if update.config.order == UPDATE_ORDER_START_FIRST:
            yield start_first(update, slot)
        else:
            yield stop_first(update, slot)


def start_first(update: Update, slot: Slot) -> tuple[Action, ...]:
    """Make the new task; what holds the slot goes on until that has proven itself."""
    new = new_task(update.service, slot=slot.number, node_id=slot.node_id)
    return (CreateTask(waiting(new, slot.tasks)),)


def stop_first(update: Update, slot: Slot) -> tuple[Action, ...]:
    """Stop what holds the slot; the new task is prepared meanwhile and waits for the end."""
    stopping = [task for task in slot.tasks if is_live(task) and has_node(task)]
    new = new_task(
        update.service,
        slot=slot.number,
        node_id=slot.node_id,
        start_after_ms=limit_ms(stopping, update.now_ms) if stopping else 0,
        stop_first=bool(stopping),
    )
    stops = (SetDesiredState(task.id, TASK_STATE_SHUTDOWN) for task in slot.holders)
    return (*stops, CreateTask(waiting(new, slot.tasks)))
