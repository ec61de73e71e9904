"""Moves slots as far as budgets allow: so many tasks too many, so many slots without service.

    size 4, max_surge 1, max_unavailable 1

    slot 1  old serves, new under way      takes from the surge until the new one is proven
    slot 2  old stopped, new under way     is missing until the new one is proven
    slot 3  old serves                     waits: both budgets are used up
    slot 4  old is broken                  is missing already, so it moves for nothing

Of a stateful service the highest slots move first; a broken one below, which would use up the
budget of those above, moves as well.

There are no batches: what one slot gives back, the next takes in the same look. A task that was
told to stop counts for nothing any more.

Source: Kubernetes, Deployment v1, strategy.rollingUpdate.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, floor

from swarmpy.core.actions import Action
from swarmpy.core.rollout.batch import start_first, stop_first
from swarmpy.core.rollout.progress import SlotProgress, Stage
from swarmpy.core.rollout.update import Update
from swarmpy.core.task_life import counts_for_service, is_live
from swarmpy.pb.types_pb2 import Budget, UpdateConfig

_ROUNDED_OFF = 1e-9
"""A ratio of 0.3 of 10 slots is 3, whatever floats make of it."""


def has_budgets(config: UpdateConfig) -> bool:
    """Say whether an update moves by budgets, not by batches."""
    return config.HasField("max_surge") or config.HasField("max_unavailable")


def within_budgets(update: Update) -> Iterator[tuple[Action, ...]]:
    """Yield a step for each slot that may move now; those that serve nobody take nothing."""
    every = update.progress.slots
    surge, missing_most = budgets(update.config, len(every))
    surging = sum(_is_double(one) for one in every)
    missing = sum(not _serves(one) for one in every)
    for slot in update.in_order:
        if not slot.runs:
            yield stop_first(update, slot)
        elif surging < surge:
            surging += 1
            yield start_first(update, slot)
        elif missing < missing_most:
            missing += 1
            yield stop_first(update, slot)


def budgets(config: UpdateConfig, size: int) -> tuple[int, int]:
    """Return how many tasks may be too many, and how many slots may be missing; never both 0,
    also where ratios of a small service come to nothing.
    """
    surge = resolved(config.max_surge, size, rounds_up=True)
    missing = resolved(config.max_unavailable, size, rounds_up=False)
    return surge, missing or (0 if surge else 1)


def resolved(budget: Budget, size: int, *, rounds_up: bool) -> int:
    """Return how many of `size` a budget comes to."""
    if budget.WhichOneof("budget") != "ratio":
        return budget.count
    share = budget.ratio * size
    return ceil(share - _ROUNDED_OFF) if rounds_up else floor(share + _ROUNDED_OFF)


def _is_double(one: SlotProgress) -> bool:
    """Say whether an old task still serves beside the new one."""
    return one.stage != Stage.TO_DO and any(is_live(task) for task in one.leaving)


def _serves(one: SlotProgress) -> bool:
    """Say whether a slot has a task that can be counted on: an old one, or a proven new one."""
    if one.stage == Stage.TO_DO:
        return one.slot.runs
    return one.taken_over or any(counts_for_service(task) for task in one.leaving)
