"""A control loop: woken by the store, it decides key by key and commits what it decided."""

from __future__ import annotations

import asyncio
import heapq
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Iterable
from typing import ClassVar

from swarmpy.core.actions import ACTIONS_AT_ONCE, Decision
from swarmpy.errors import Conflict, OutcomeUnknown
from swarmpy.ids import IdSource
from swarmpy.manager.perform import perform
from swarmpy.seams import Clock
from swarmpy.store.store import Store
from swarmpy.store.view import View
from swarmpy.store.watch import RowChange, Watch
from swarmpy.task_group import TaskGroup

ALARMS_KEPT = 1000
"""Void alarms that may lie around besides those that count."""


class ControlLoop(ABC):
    """Level-triggered: it looks at what is, not at what happened, so a missed event costs
    nothing and a new leader needs no special case.
    """

    tables: ClassVar[tuple[str, ...]]
    """Tables whose changes may concern it."""

    def __init__(self, store: Store, clock: Clock, ids: IdSource) -> None:
        self.store = store
        self._clock = clock
        self._ids = ids
        self._due: dict[str, None] = {}
        self._alarms: list[tuple[int, str]] = []
        self._alarm_of: dict[str, int] = {}

    @abstractmethod
    def keys(self, view: View) -> Iterable[str]:
        """Return every key this loop keeps in order."""

    @abstractmethod
    def touched(self, change: RowChange) -> Iterable[str]:
        """Return the keys that a change may have put out of order."""

    @abstractmethod
    def decide(self, view: View, key: str, now_ms: int) -> Decision:
        """Return what is missing for `key`; the key may be gone. Pure."""

    async def run(self) -> None:
        """Keep every key in order until cancelled."""
        with self.store.watching(self.tables) as watch:
            while True:
                await self._wait(watch)
                self._collect(watch)
                await self._pass()

    async def _wait(self, watch: Watch) -> None:
        """Return when something is due: a commit, an alarm, or work left over."""
        if self._due:
            return
        if not self._alarms:
            await watch.ready()
            return
        delay_ms = self._alarms[0][0] - self._now_ms()
        if delay_ms > 0:
            await self._wait_for_either(watch.ready(), self._clock.sleep(delay_ms / 1000))

    async def _wait_for_either(self, *waits: Coroutine[None, None, None]) -> None:
        async with TaskGroup() as group:
            race = [group.create_task(wait) for wait in waits]
            await asyncio.wait(race, return_when=asyncio.FIRST_COMPLETED)
            for task in race:
                task.cancel()

    def _collect(self, watch: Watch) -> None:
        now_ms = self._now_ms()
        while self._alarms and self._alarms[0][0] <= now_ms:
            at_ms, key = heapq.heappop(self._alarms)
            if self._alarm_of.get(key) == at_ms:
                del self._alarm_of[key]
                self._due[key] = None
        for commit in watch.take():
            if commit.resync:
                self._due.update(dict.fromkeys(self.keys(self.store.view)))
            for change in commit.changes:
                self._due.update(dict.fromkeys(self.touched(change)))

    async def _pass(self) -> None:
        """Decide on due keys until a transaction is full, and commit it."""
        now_ms = self._now_ms()
        decided: list[str] = []
        actions = 0
        try:
            async with self.store.update() as tx:
                while self._due and actions < ACTIONS_AT_ONCE:
                    key = next(iter(self._due))
                    del self._due[key]
                    decided.append(key)
                    decision = self.decide(self.store.view, key, now_ms)
                    perform(tx, decision.actions, self._ids, now_ms)
                    actions += len(decision.actions)
                    self._set_alarm(key, decision.look_again_ms, now_ms)
        except (Conflict, OutcomeUnknown):
            self._due.update(dict.fromkeys(decided))

    def _set_alarm(self, key: str, at_ms: int | None, now_ms: int) -> None:
        """Let the latest decision say when to look at `key` again; older alarms are void.

        At once means in a millisecond: a decision that always says so must not stop the rest.
        """
        if at_ms is not None:
            at_ms = max(at_ms, now_ms + 1)
        if at_ms == self._alarm_of.get(key):
            return
        self._alarm_of.pop(key, None)
        if at_ms is not None:
            self._alarm_of[key] = at_ms
            heapq.heappush(self._alarms, (at_ms, key))
        if len(self._alarms) > len(self._alarm_of) + ALARMS_KEPT:
            self._alarms = [(at_ms, key) for key, at_ms in self._alarm_of.items()]
            heapq.heapify(self._alarms)

    def _now_ms(self) -> int:
        return round(self._clock.now() * 1000)
