"""Lets every node probe all others, and gathers what they found.

ExplainNetwork ──ProbeRequest──> every session ──> agent ──> its gossip
      answer <── all reports, or what is there after some seconds <── ProbeReport
"""

from __future__ import annotations

from collections.abc import Sequence

from swarmpy.manager.dispatcher.roster import Roster
from swarmpy.manager.gathering import Gathering
from swarmpy.manager.seat import Seat
from swarmpy.pb.control_pb2 import ExplainNetworkResponse
from swarmpy.pb.dispatcher_pb2 import ManagerMessage, ProbeReport, ProbeRequest

PATIENCE_S = 6.0
"""Twice what one probe may take."""


class ProbeBroker:
    """Any number of rounds at once."""

    def __init__(self, seat: Seat, roster: Roster) -> None:
        self._gathering: Gathering[ProbeReport] = Gathering(seat, roster, PATIENCE_S)

    async def run(self, node_ids: Sequence[str]) -> ExplainNetworkResponse:
        """Ask these nodes; those that are not connected or do not report are named."""
        reports = await self._gathering.ask(
            node_ids, lambda round_id, _node: ManagerMessage(probe=ProbeRequest(id=round_id))
        )
        probes = [
            probe
            for node_id, report in reports.items()
            for probe in report.probes
            if probe.from_id == node_id
        ]
        silent = sorted(set(node_ids) - set(reports))
        return ExplainNetworkResponse(probes=probes, silent_ids=silent)

    def reported(self, node_id: str, report: ProbeReport) -> None:
        """Take in what a node found."""
        self._gathering.reported(node_id, report.request_id, report)
