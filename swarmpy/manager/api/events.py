"""Events: what happened, for people."""

from __future__ import annotations

from swarmpy.manager.seat import Seat
from swarmpy.pb.control_pb2 import ListEventsRequest, ListEventsResponse


class Events:
    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    async def list_events(self, request: ListEventsRequest) -> ListEventsResponse:
        """Return the events of one object (by id or name), or all, oldest first."""
        events = (await self._seat.read()).events
        wanted = request.object
        fits = [row for row in events if wanted in {"", row.object_id, row.object_name}]
        return ListEventsResponse(events=fits)
