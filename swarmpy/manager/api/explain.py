"""Why a task is where it is, or nowhere."""

from __future__ import annotations

from swarmpy.core.schedule.explain import Situation, explain_service, explain_task
from swarmpy.manager.api.find import find_target
from swarmpy.manager.seat import Seat
from swarmpy.pb.control_pb2 import ExplainRequest, Explanation
from swarmpy.pb.objects_pb2 import Service


class Explain:
    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    async def explain(self, request: ExplainRequest) -> Explanation:
        view = await self._seat.read()
        target = find_target(view, request.target)
        situation = Situation(
            nodes=list(view.nodes),
            services=list(view.services),
            tasks=list(view.tasks),
            now_ms=self._seat.now_ms,
        )
        if isinstance(target, Service):
            return explain_service(target, situation)
        return explain_task(target, situation)
