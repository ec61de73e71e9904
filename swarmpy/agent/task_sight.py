"""What this node knows of one task, kept up to date by asking its engine.

An engine that fails is left alone for a while, longer each time. Meanwhile the container is out
of reach, which is not the same as gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import structlog

from swarmpy.agent.swarm_time import SwarmTime
from swarmpy.core.pod import is_pod
from swarmpy.core.step import RETRY_MAX_S, Seen, retry_delay_s, wanted_stopped
from swarmpy.errors import SwarmPyError, TaskRefused
from swarmpy.pb.objects_pb2 import Task, TaskStatus
from swarmpy.seams import Runtime

log = structlog.get_logger()


class TaskSight:
    """Holds `seen`, which core.task_step decides on."""

    def __init__(self, task_id: str, status: TaskStatus, runtime: Runtime, time: SwarmTime) -> None:
        self.seen = Seen(status=status)
        self._task_id = task_id
        self._runtime = runtime
        self._time = time
        self._stale = True
        """The container may have changed since it was looked at."""
        self._failures: Counter[str] = Counter()
        """In a row, of each thing that the engine is asked for."""

    def blur(self) -> None:
        """The container may have changed: look at it next time."""
        self._stale = True

    def note(self, **changes: Any) -> None:
        """Change fields of `seen`."""
        self.seen = replace(self.seen, **changes)

    async def look(self, task: Task, *, needs_met: bool) -> None:
        """Bring `seen` up to date for what managers want now."""
        now_ms = self._time.now_ms()
        # Managers' time may have been set back meanwhile: no wait grows longer by that.
        self.note(
            needs_met=needs_met,
            stop_since_ms=self._stop_since(task, now_ms),
            retry_at_ms=min(self.seen.retry_at_ms, now_ms + int(RETRY_MAX_S * 1000)),
        )
        if self._stale and now_ms >= self.seen.retry_at_ms:
            self._stale = False
            await (self._look_inside() if is_pod(task.spec) else self._look_at_it())
            self.note(out_of_reach=self.seen.retry_at_ms > now_ms)

    async def _look_at_it(self) -> None:
        container = await self._ask("inspect", self._runtime.inspect(self._task_id))
        self.note(container=container)

    async def _look_inside(self) -> None:
        found = await self._ask("inspect", self._runtime.inspect_pod(self._task_id))
        self.note(pod=replace(self.seen.pod, containers=found or {}))

    def now_ms(self) -> int:
        """Return the swarm's time."""
        return self._time.now_ms()

    def tell(self, event: str, **fields: str) -> None:
        """Log what happened to the task."""
        log.warning(event, task=self._task_id, **fields)

    async def change(
        self, verb: str, work: Coroutine[Any, Any, Any], *, may_refuse: bool = False
    ) -> None:
        """Do what changes the container; it is looked at again whatever comes of it."""
        await self._ask(verb, work, may_refuse=may_refuse)
        self.blur()

    async def _ask(
        self, verb: str, work: Coroutine[Any, Any, Any], *, may_refuse: bool = False
    ) -> Any:
        """Return the answer; when there is none, note what that means and return None."""
        try:
            answer = await work
        except (SwarmPyError, OSError) as error:
            if may_refuse and isinstance(error, TaskRefused):
                self.note(refused=_in_one_line(error))
            else:
                self._note_failure(verb, error)
            return None
        del self._failures[verb]
        return answer

    def _note_failure(self, verb: str, error: Exception) -> None:
        self._failures[verb] += 1
        delay_s = retry_delay_s(self._failures[verb])
        log.warning(
            "engine_failed", verb=verb, task=self._task_id, error=str(error), retry_s=delay_s
        )
        self.note(retry_at_ms=self._time.now_ms() + int(delay_s * 1000))
        self.blur()

    def _stop_since(self, task: Task, now_ms: int) -> int | None:
        if not wanted_stopped(task):
            return None
        known_ms = self.seen.stop_since_ms
        return now_ms if known_ms is None else min(known_ms, now_ms)


def _in_one_line(error: SwarmPyError) -> str:
    return f"{error.message}; {error.remedy}" if error.remedy else error.message
