"""Asks many nodes the same question, and gathers what they report."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from swarmpy.errors import Unavailable
from swarmpy.manager.dispatcher.roster import Roster
from swarmpy.manager.seat import Seat
from swarmpy.pb.dispatcher_pb2 import ManagerMessage
from swarmpy.task_group import TaskGroup

Report = TypeVar("Report")


@dataclass(eq=False, slots=True)
class _Round(Generic[Report]):
    waits_for: set[str]
    reports: dict[str, Report] = field(default_factory=dict)
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Gathering(Generic[Report]):
    """Any number of rounds at once, told apart by their ids."""

    def __init__(self, seat: Seat, roster: Roster, patience_s: float) -> None:
        self._seat = seat
        self._roster = roster
        self._patience_s = patience_s
        self._rounds: dict[str, _Round[Report]] = {}

    async def ask(
        self, node_ids: Iterable[str], question: Callable[[str, str], ManagerMessage]
    ) -> dict[str, Report]:
        """Return the reports by node; of who is not connected, or too slow, there is none.

        `question` makes the message of a round's id for a node.
        """
        round_id = self._seat.ids.new_id()
        asked = self._rounds[round_id] = _Round[Report](set(node_ids))
        try:
            for node_id in list(asked.waits_for):
                try:
                    self._roster.ask(node_id, question(round_id, node_id))
                except Unavailable:
                    asked.waits_for.discard(node_id)
            if asked.waits_for:
                await self._wait(asked)
        finally:
            del self._rounds[round_id]
        return asked.reports

    def reported(self, node_id: str, round_id: str, report: Report) -> None:
        """Take in what a node reports, once; nobody may wait for it any more."""
        asked = self._rounds.get(round_id)
        if asked is None or node_id not in asked.waits_for:
            return
        asked.reports[node_id] = report
        asked.waits_for.discard(node_id)
        if not asked.waits_for:
            asked.done.set()

    async def _wait(self, asked: _Round[Report]) -> None:
        async with TaskGroup() as group:
            patience = group.create_task(self._seat.clock.sleep(self._patience_s))
            waiting = group.create_task(asked.done.wait())
            await asyncio.wait({patience, waiting}, return_when=asyncio.FIRST_COMPLETED)
            patience.cancel()
            waiting.cancel()
