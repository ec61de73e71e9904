"""Commands that people run inside a task's container."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from swarmpy.errors import InvalidInput
from swarmpy.manager.api.find import find_task
from swarmpy.manager.lead import Lead
from swarmpy.manager.seat import Seat
from swarmpy.manager.serving import Send
from swarmpy.pb.control_pb2 import ExecClientFrame


class Exec:
    def __init__(self, seat: Seat, lead: Callable[[], Lead]) -> None:
        self._seat = seat
        self._lead = lead

    async def exec(self, frames: AsyncIterator[ExecClientFrame], send: Send) -> None:
        """Run a command in a task's container; the first frame says which."""
        async for first in frames:
            if not first.start.argv:
                break
            task = find_task(await self._seat.read(), first.start.task_id)
            await self._lead().execs.run(task, first.start, frames, send)
            return
        raise InvalidInput("exec begins with a frame that says which task and which command")
