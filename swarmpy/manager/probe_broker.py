"""Lets every node probe all others, and gathers what they found.

ExplainNetwork ──ProbeRequest──> every session ──> agent ──> its gossip
      answer <── all reports, or what is there after some seconds <── ProbeReport
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from swarmpy.errors import Unavailable
from swarmpy.manager.dispatcher.roster import Roster
from swarmpy.manager.seat import Seat
from swarmpy.pb.control_pb2 import ExplainNetworkResponse
from swarmpy.pb.dispatcher_pb2 import ManagerMessage, NodeProbe, ProbeReport, ProbeRequest
from swarmpy.task_group import TaskGroup

PATIENCE_S = 6.0
"""Twice what one probe may take."""


@dataclass(eq=False, slots=True)
class _Round:
    """One request to all nodes."""

    waits_for: set[str]
    probes: list[NodeProbe] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)


class ProbeBroker:
    """Any number of rounds at once, told apart by their ids."""

    def __init__(self, seat: Seat, roster: Roster) -> None:
        self._seat = seat
        self._roster = roster
        self._rounds: dict[str, _Round] = {}

    async def run(self, node_ids: Sequence[str]) -> ExplainNetworkResponse:
        """Ask these nodes; those that are not connected or do not report are named."""
        request_id = self._seat.ids.new_id()
        asked = _Round(set(node_ids))
        self._rounds[request_id] = asked
        try:
            silent = self._ask(request_id, node_ids)
            asked.waits_for -= silent
            if asked.waits_for:
                await self._wait(asked)
        finally:
            del self._rounds[request_id]
        silent |= asked.waits_for
        return ExplainNetworkResponse(probes=asked.probes, silent_ids=sorted(silent))

    def reported(self, node_id: str, report: ProbeReport) -> None:
        """Take in what a node found; nobody may wait for it any more."""
        asked = self._rounds.get(report.request_id)
        if asked is None or node_id not in asked.waits_for:
            return
        asked.probes.extend(probe for probe in report.probes if probe.from_id == node_id)
        asked.waits_for.discard(node_id)
        if not asked.waits_for:
            asked.done.set()

    def _ask(self, request_id: str, node_ids: Sequence[str]) -> set[str]:
        """Return whom nobody could ask."""
        silent: set[str] = set()
        for node_id in node_ids:
            try:
                self._roster.ask(node_id, ManagerMessage(probe=ProbeRequest(id=request_id)))
            except Unavailable:
                silent.add(node_id)
        return silent

    async def _wait(self, asked: _Round) -> None:
        async with TaskGroup() as group:
            patience = group.create_task(self._seat.clock.sleep(PATIENCE_S))
            waiting = group.create_task(asked.done.wait())
            await asyncio.wait({patience, waiting}, return_when=asyncio.FIRST_COMPLETED)
            patience.cancel()
            waiting.cancel()
