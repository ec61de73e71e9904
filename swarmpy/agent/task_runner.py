"""Makes one task real: asks core.task_step what is next, and does it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from typing import Any

import structlog

from swarmpy.agent.container_watch import watch
from swarmpy.agent.dependencies import HeldDependencies
from swarmpy.agent.local_tasks import LocalTasks
from swarmpy.agent.reporter import Reporter
from swarmpy.agent.swarm_time import SwarmTime
from swarmpy.core.task_step import (
    RETRY_MAX_S,
    AwaitExit,
    Nothing,
    Prepare,
    Remove,
    Report,
    Seen,
    Start,
    Step,
    Stop,
    Wait,
    next_step,
    retry_delay_s,
    wanted_stopped,
)
from swarmpy.errors import SwarmPyError, TaskRefused
from swarmpy.pb.objects_pb2 import Task, TaskStatus
from swarmpy.pb.types_pb2 import (
    TASK_STATE_PREPARING,
    TASK_STATE_READY,
    TASK_STATE_REMOVE,
    TASK_STATE_STARTING,
    TaskState,
)
from swarmpy.seams import Clock, Runtime

log = structlog.get_logger()

FOUND_AGAIN = frozenset({TASK_STATE_PREPARING, TASK_STATE_READY, TASK_STATE_STARTING})
"""States that looking at the container finds again: writing them down would only cost time."""
DISK_RETRY_S = 2.0
"""How long to wait before something is written again that the disk did not take."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What all runners of a node share."""

    runtime: Runtime
    local: LocalTasks
    reporter: Reporter
    needs: HeldDependencies
    clock: Clock
    time: SwarmTime


class TaskRunner:
    """One task on this node, from its assignment until nothing of it is left."""

    def __init__(self, task: Task, status: TaskStatus, bench: Bench) -> None:
        """`status` is what is known of it here; what managers know may be less."""
        self._task = task
        self._bench = bench
        self._seen = Seen(status=status)
        self._failures: Counter[str] = Counter()
        """In a row, of each thing that the engine is asked for."""
        self._stale = True
        """The container may have changed since it was looked at."""
        self._unwritten = False
        self._forgotten = False
        self._news = asyncio.Event()

    @property
    def status(self) -> TaskStatus:
        """As written down last."""
        return self._seen.status

    # --- what managers say

    def assign(self, task: Task) -> None:
        """Take in what managers want of it now, and what they know of it if that is more."""
        if _as_wanted(task) != _as_wanted(self._task):
            self._unwritten = True
        self._task = task
        if task.status.state > self._seen.status.state:
            self._seen = replace(self._seen, status=task.status)
        self.look_again()

    def forget(self) -> None:
        """Managers forgot it: stop it, remove it, and end."""
        if self._forgotten:
            return
        self._forgotten = True
        wanted = Task()
        wanted.CopyFrom(self._task)
        wanted.desired_state = TASK_STATE_REMOVE
        self.assign(wanted)

    def look_again(self) -> None:
        """Something that it waits for may have come."""
        self._stale = True
        self._news.set()

    # --- doing

    async def run(self) -> None:
        """Keep the task as it is wanted; return once it is forgotten and nothing is left."""
        async with asyncio.TaskGroup() as watchers:
            watching: asyncio.Task[None] | None = None
            while True:
                self._news.clear()
                await self._look()
                step = next_step(self._task, self._seen, self._bench.time.now_ms())
                if self._forgotten and step == Nothing():
                    break
                if step == AwaitExit() and (watching is None or watching.done()):
                    watching = watchers.create_task(self._watch())
                await self._do(step)
            if watching is not None:
                watching.cancel()
        await self._leave_no_trace()

    async def _look(self) -> None:
        """Bring `_seen` up to date, and the task's file."""
        if self._unwritten:
            self._unwritten = not self._written(self._seen.status)
        now_ms = self._bench.time.now_ms()
        # Managers' time may have been set back meanwhile: no wait grows longer by that.
        self._seen = replace(
            self._seen,
            needs_met=not self._bench.needs.missing(self._task),
            stop_since_ms=self._stop_since(now_ms),
            retry_at_ms=min(self._seen.retry_at_ms, now_ms + int(RETRY_MAX_S * 1000)),
        )
        if self._stale and now_ms >= self._seen.retry_at_ms:
            self._stale = False
            container = await self._ask_engine(
                "inspect", self._bench.runtime.inspect(self._task.id)
            )
            out_of_reach = self._seen.retry_at_ms > now_ms
            self._seen = replace(self._seen, container=container, out_of_reach=out_of_reach)

    def _stop_since(self, now_ms: int) -> int | None:
        if not wanted_stopped(self._task):
            return None
        known_ms = self._seen.stop_since_ms
        return now_ms if known_ms is None else min(known_ms, now_ms)

    async def _do(self, step: Step) -> None:
        runtime, task_id = self._bench.runtime, self._task.id
        match step:
            case Report(status):
                await self._report(status)
            case Prepare():
                await self._prepare_unless_stopped()
            case Start():
                await self._change("start", runtime.start(task_id), may_refuse=True)
            case Stop(grace_s, because):
                self._seen = replace(self._seen, failed=because or self._seen.failed)
                await self._change("stop", runtime.stop(task_id, grace_s))
            case Remove():
                await self._change("remove", runtime.remove(task_id))
            case Wait(until_ms):
                await self._wait_for_news((until_ms - self._bench.time.now_ms()) / 1000)
            case AwaitExit() | Nothing():
                await self._wait_for_news(None)

    async def _report(self, status: TaskStatus) -> None:
        """Write a status down, then send it."""
        if status.state not in FOUND_AGAIN and not self._written(status):
            await self._wait_for_news(DISK_RETRY_S)
            return
        if status.state != self._seen.status.state:
            log.info(
                "task_state",
                task=self._task.id,
                service=self._task.service_name,
                state=TaskState.Name(status.state).removeprefix("TASK_STATE_").lower(),
                error=status.error,
            )
        self._seen = replace(self._seen, status=status)
        self._bench.reporter.report(self._task.id, status)

    def _written(self, status: TaskStatus) -> bool:
        """Write the task with this status; tell whether the disk took it."""
        record = Task()
        record.CopyFrom(self._task)
        record.status.CopyFrom(status)
        try:
            self._bench.local.write(record)
        except OSError as error:
            log.warning("task_not_written", task=self._task.id, error=str(error))
            return False
        return True

    # --- the engine

    async def _change(
        self, verb: str, work: Coroutine[Any, Any, Any], *, may_refuse: bool = False
    ) -> None:
        """Do what changes the container; it is looked at again whatever comes of it."""
        await self._ask_engine(verb, work, may_refuse=may_refuse)
        self._stale = True

    async def _ask_engine(
        self, verb: str, work: Coroutine[Any, Any, Any], *, may_refuse: bool = False
    ) -> Any:
        """Return the answer; when there is none, note what that means and return None."""
        try:
            answer = await work
        except (SwarmPyError, OSError) as error:
            if may_refuse and isinstance(error, TaskRefused):
                self._seen = replace(self._seen, refused=_in_one_line(error))
            else:
                self._note_failure(verb, error)
            return None
        del self._failures[verb]
        return answer

    def _note_failure(self, verb: str, error: Exception) -> None:
        """Leave the engine alone for a while, and longer the more often it failed at this."""
        self._failures[verb] += 1
        delay_s = retry_delay_s(self._failures[verb])
        log.warning(
            "engine_failed", verb=verb, task=self._task.id, error=str(error), retry_s=delay_s
        )
        retry_at_ms = self._bench.time.now_ms() + int(delay_s * 1000)
        self._seen = replace(self._seen, retry_at_ms=retry_at_ms)
        self._stale = True

    async def _prepare(self) -> None:
        needs = self._bench.needs.of(self._task)
        preparing = self._bench.runtime.prepare(self._task, needs)
        await self._change("prepare", preparing, may_refuse=True)

    async def _prepare_unless_stopped(self) -> None:
        """Prepare, which may take minutes; give it up when the task is not wanted any more."""
        async with asyncio.TaskGroup() as group:
            working = group.create_task(self._prepare())
            working.add_done_callback(lambda _: self._news.set())
            while not working.done():
                await self._news.wait()
                self._news.clear()
                if wanted_stopped(self._task):
                    working.cancel()
                    break
        self._stale = True

    async def _watch(self) -> None:
        container = self._seen.container
        has_check = container is not None and container.healthy is not None
        bench = self._bench
        await watch(bench.runtime, bench.clock, self._task.id, self.look_again, has_check=has_check)

    async def _wait_for_news(self, timeout_s: float | None) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        except TimeoutError:
            self._stale = True

    async def _leave_no_trace(self) -> None:
        self._bench.reporter.forget(self._task.id)
        while True:
            try:
                self._bench.local.remove(self._task.id)
            except OSError as error:
                log.warning("task_not_removed", task=self._task.id, error=str(error))
                await self._bench.clock.sleep(DISK_RETRY_S)
            else:
                return


def _in_one_line(error: SwarmPyError) -> str:
    return f"{error.message}; {error.remedy}" if error.remedy else error.message


def _as_wanted(task: Task) -> Task:
    """Return what managers ask for, without what they merely know."""
    wanted = Task()
    wanted.CopyFrom(task)
    for known in ("version", "updated_at_ms", "status", "pending_reason"):
        wanted.ClearField(known)
    return wanted
