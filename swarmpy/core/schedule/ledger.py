"""What the scheduler knows from one decision to the next, kept up to date change by change.

    commits ──> follow ──┬─> tallies ──┐
                         └─> waiting ──┴─> decide ──> some hundreds of placements
                                ▲                           │ promised
                                └──── the commit says ◄─────┘ kept, or taken back

Without it each decision would look at every task of the swarm. It holds nothing that could
not be found by looking: a ledger made anew from the same rows decides the same.

A placement counts from when it is decided, before it is agreed on. What the next commits do
not confirm is taken back. A decision that did not fit into one transaction goes on with the
next one, unless anything but its own placements has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from swarmpy.core.actions import ACTIONS_AT_ONCE, AssignTask, Decision
from swarmpy.core.schedule.around import Around
from swarmpy.core.schedule.node_tally import FAILURES_COUNT_FOR_MS, Version, failed_lately, tally
from swarmpy.core.schedule.place import Placement, is_pending, place
from swarmpy.core.task_life import has_failed, has_node, is_ended, keeps_slot, since_ms
from swarmpy.pb.objects_pb2 import Node, Task

Held: TypeAlias = tuple[str, bool]
"""What a task takes up: the id of its node, and whether it still keeps its slot."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A task that failed, as the tally of its node counts it."""

    node_id: str
    version: Version
    until_ms: int


class Ledger:
    """Tallies of the nodes, and the tasks that wait for one."""

    def __init__(self, nodes: Iterable[Node], tasks: Iterable[Task], now_ms: int) -> None:
        rows = list(tasks)
        self.tallies = tally(nodes, rows, now_ms)
        self.waiting = {task.id: task for task in rows if is_pending(task)}
        self._failures = {task.id: _failure(task) for task in rows if failed_lately(task, now_ms)}
        self._promised: dict[str, tuple[Task, str]] = {}
        """Task id -> the task as it was, and its node: decided on, and not yet agreed on."""
        self._going_on: Iterator[Placement] | None = None

    # --- what has changed

    def follow_task(self, old: Task | None, new: Task | None) -> None:
        """Take in one change of a task; changes come in their order."""
        before, after = self._held_before(old), _held(new)
        if before != after:
            self._going_on = None
            self._count(old, before, -1)
            self._count(new, after, 1)
        self._follow_waiting(old, new)
        self._follow_failure(old, new)

    def follow_node(self, old: Node, new: Node | None) -> None:
        """Take in one change of a node that was there. A new one needs a new ledger."""
        self._going_on = None
        if new is None:
            del self.tallies[old.id]
        else:
            self.tallies[new.id].become(new)

    def look_around(self) -> None:
        """Something else that placement depends on has changed."""
        self._going_on = None

    # --- deciding

    def decide(self, around: Callable[[], Around], now_ms: int) -> Decision:
        """Return the next placements: as many as fit into one transaction.

        `around` is asked when a decision begins, not when it goes on.
        """
        self._take_back()
        self._forget_failures(now_ms)
        begins = self._going_on is None
        if self._going_on is None:
            self._going_on = place(list(self.waiting.values()), self.tallies, around())
        actions = []
        for action in self._going_on:
            if isinstance(action, AssignTask):
                self._promised[action.task_id] = (self.waiting[action.task_id], action.node_id)
            actions.append(action)
            if len(actions) >= ACTIONS_AT_ONCE:
                return Decision(tuple(actions), look_again_ms=0)
        self._going_on = None
        # Tasks that came meanwhile were not part of a decision that went on.
        return Decision(tuple(actions), look_again_ms=None if begins else 0)

    def _take_back(self) -> None:
        """What was promised and not confirmed by now was dropped."""
        for task, node_id in self._promised.values():
            self._going_on = None
            self._count(task, (node_id, True), -1)
        self._promised.clear()

    # --- counting

    def _held_before(self, old: Task | None) -> Held | None:
        promised = None if old is None else self._promised.pop(old.id, None)
        return _held(old) if promised is None else (promised[1], True)

    def _count(self, task: Task | None, held: Held | None, step: int) -> None:
        on = None if held is None else self.tallies.get(held[0])
        if on is not None and task is not None:
            (on.add if step > 0 else on.remove)(task)

    def _follow_waiting(self, old: Task | None, new: Task | None) -> None:
        if old is not None and old.nominated_node_id:
            self._keep_no_more(old)
        if new is not None and is_pending(new):
            self.waiting[new.id] = new
            if new.nominated_node_id in self.tallies:
                self.tallies[new.nominated_node_id].keep_for(new)
                self._going_on = None
        elif old is not None and self.waiting.pop(old.id, None) is not None:
            is_placed = new is not None and has_node(new)
            self._going_on = self._going_on if is_placed else None

    def _keep_no_more(self, task: Task) -> None:
        on = self.tallies.get(task.nominated_node_id)
        if on is not None and on.kept_for.pop(task.id, None) is not None:
            self._going_on = None

    def _follow_failure(self, old: Task | None, new: Task | None) -> None:
        if new is not None and has_failed(new) and not (old is not None and has_failed(old)):
            self._failures[new.id] = _failure(new)
            self._count_failure(new.id, 1)
        elif new is None and old is not None and old.id in self._failures:
            self._forget_failure(old.id)

    def _forget_failures(self, now_ms: int) -> None:
        for task_id in [key for key, one in self._failures.items() if one.until_ms <= now_ms]:
            self._forget_failure(task_id)

    def _forget_failure(self, task_id: str) -> None:
        self._count_failure(task_id, -1)
        del self._failures[task_id]

    def _count_failure(self, task_id: str, step: int) -> None:
        failure = self._failures[task_id]
        on = self.tallies.get(failure.node_id)
        if on is not None:
            on.count_failure(failure.version, step)


def _held(task: Task | None) -> Held | None:
    if task is None or is_ended(task) or not has_node(task):
        return None
    return task.node_id, keeps_slot(task)


def _failure(task: Task) -> Failure:
    version = (task.service_id, task.spec_version)
    return Failure(task.node_id, version, since_ms(task) + FAILURES_COUNT_FOR_MS)
