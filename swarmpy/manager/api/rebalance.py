"""Better spread tasks, when somebody asks for it."""

from __future__ import annotations

from swarmpy.core.actions import Evict
from swarmpy.core.rebalance import REASON, first, plan
from swarmpy.manager.perform import perform
from swarmpy.manager.placement_view import around
from swarmpy.manager.seat import Seat
from swarmpy.pb.control_pb2 import RebalanceRequest, RebalanceResponse, TaskMove
from swarmpy.store.editor import Editor

MOVES = 100
"""At most, unless the request says."""


class Rebalance:
    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    async def rebalance(self, request: RebalanceRequest) -> RebalanceResponse:
        """Return which tasks move, or, on a dry run, would; the loops move them within budgets."""
        await self._seat.read()

        def decide(tx: Editor) -> RebalanceResponse:
            view, now_ms = tx.view, self._seat.now_ms
            moves = first(plan(view.nodes, view.tasks, around(view), now_ms), request.most or MOVES)
            if not request.dry_run:
                evictions = [Evict(move.task.id, REASON) for move in moves]
                perform(tx, evictions, self._seat.ids, now_ms)
            return RebalanceResponse(
                moves=[TaskMove(task=move.task, to_node_id=move.to_node_id) for move in moves]
            )

        return await self._seat.write(decide)
