"""One Logs call in progress: what each node contributes, and what waits for the client."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import structlog

from swarmpy.manager.leash import Leash
from swarmpy.pb.control_pb2 import LogsResponse
from swarmpy.pb.dispatcher_pb2 import LogLine
from swarmpy.pb.objects_pb2 import Task
from swarmpy.seams import Clock
from swarmpy.store.view import View

log = structlog.get_logger()

BATCHES_WAITING = 64
"""Batches of lines that may wait for a slow client; then its agents are held back."""


@dataclass(frozen=True, slots=True)
class LogTarget:
    """Whose lines are asked for."""

    tasks: Callable[[View], Iterable[Task]]
    may_grow: Callable[[View], bool]
    """Whether tasks may yet be added: a service lives, a task has not started."""


@dataclass(eq=False, slots=True)
class Part:
    """What one node contributes to one answer."""

    request_id: str
    node_id: str
    node_name: str
    task_ids: frozenset[str]
    heard_at: float
    attached: bool = False
    ended: bool = False
    leash: Leash = field(default_factory=Leash)


class Answer:
    """The parts of one answer, and a bounded queue between them and the client."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines: asyncio.Queue[LogsResponse] = asyncio.Queue(BATCHES_WAITING)
        self._warnings: list[str] = []
        self._changed = asyncio.Event()
        self.parts: list[Part] = []
        self.asked_for: set[str] = set()

    @property
    def complete(self) -> bool:
        """Every node is through, and the client has everything."""
        ended = all(part.ended for part in self.parts)
        return ended and self._lines.empty() and not self._warnings

    async def changed(self) -> None:
        """Return once there may be something new to send, or nothing more."""
        await self._changed.wait()
        self._changed.clear()

    def nudge(self) -> None:
        """Let whoever waits in `changed` look again."""
        self._changed.set()

    def take(self) -> list[LogsResponse]:
        """Return what waits for the client."""
        taken = []
        if self._warnings:
            taken.append(LogsResponse(warnings=self._warnings))
            self._warnings = []
        while not self._lines.empty():
            taken.append(self._lines.get_nowait())
        return taken

    async def add(self, part: Part, lines: Iterable[LogLine]) -> None:
        """Take lines of the tasks that were asked for, under the node's proven id. Waits
        while the client is slow.
        """
        response = LogsResponse(lines=[line for line in lines if line.task_id in part.task_ids])
        for line in response.lines:
            line.node_id = part.node_id
        if response.lines:
            part.heard_at = math.inf  # held back by the client, it is not silent
            await self._lines.put(response)
            self.nudge()
        part.heard_at = self._clock.monotonic()

    def warn(self, warning: str) -> None:
        """Tell the client what is missing."""
        log.warning("logs_incomplete", warning=warning)
        self._warnings.append(warning)
        self.nudge()

    def end(self, part: Part) -> None:
        """Wait for this part no longer."""
        part.ended = True
        self.nudge()
