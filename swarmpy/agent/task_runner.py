"""Makes one task real: asks core.task_step what is next, and does it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import structlog

from swarmpy.agent.container_watch import watch
from swarmpy.agent.dependencies import HeldDependencies, prepare
from swarmpy.agent.local_tasks import LocalTasks
from swarmpy.agent.pod_hand import PodHand
from swarmpy.agent.reporter import Reporter
from swarmpy.agent.swarm_time import SwarmTime
from swarmpy.agent.task_sight import TaskSight
from swarmpy.core.pod import is_pod
from swarmpy.core.step import (
    AskProbe,
    AwaitExit,
    Nothing,
    PostStart,
    Prepare,
    Remove,
    Report,
    Restart,
    Start,
    Step,
    Stop,
    Wait,
    wanted_stopped,
)
from swarmpy.core.task_step import next_step
from swarmpy.pb.objects_pb2 import Task, TaskStatus
from swarmpy.pb.types_pb2 import (
    TASK_STATE_PREPARING,
    TASK_STATE_READY,
    TASK_STATE_REMOVE,
    TASK_STATE_STARTING,
    TaskState,
)
from swarmpy.seams import Clock, Runtime
from swarmpy.task_group import TaskGroup

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
    host: str = "127.0.0.1"
    """Where ports that are bound on this node answer."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a task's status, or what is wanted of it, has changed."""


class TaskRunner:
    """One task on this node, from its assignment until nothing of it is left."""

    def __init__(self, task: Task, bench: Bench) -> None:
        """`task.status` is how far it is, as far as anybody knows."""
        self._task = task
        self._bench = bench
        self._sight = TaskSight(task.id, task.status, bench.runtime, bench.time)
        self._unwritten = False
        self._forgotten = False
        self._news = asyncio.Event()
        self._is_pod = is_pod(task.spec)
        self._hand = PodHand(
            lambda: self._task,
            self._sight,
            bench.runtime,
            bench.clock,
            bench.host,
            on_news=self.look_again,
            on_answer=self._news.set,
        )

    @property
    def status(self) -> TaskStatus:
        """As reported last."""
        return self._sight.seen.status

    @property
    def task(self) -> Task:
        """As managers want it, with its status as reported last."""
        task = Task()
        task.CopyFrom(self._task)
        task.status.CopyFrom(self.status)
        return task

    # --- what managers say

    def assign(self, task: Task) -> None:
        """Take in what managers want of it now, and what they know of it if that is more."""
        if self._forgotten:
            return  # it goes; whoever wants it after that is heard with the next full set
        if _as_wanted(task) != _as_wanted(self._task):
            self._unwritten = True
        self._task = task
        if task.status.state > self.status.state:
            self._sight.note(status=task.status)
        self.look_again()

    def forget(self) -> None:
        """Managers forgot it: stop it, remove it, and end."""
        wanted = Task()
        wanted.CopyFrom(self._task)
        wanted.desired_state = TASK_STATE_REMOVE
        self.assign(wanted)
        self._forgotten = True

    def look_again(self) -> None:
        """Something that it waits for may have come."""
        self._bench.changed.set()
        self._sight.blur()
        self._news.set()

    # --- doing

    async def run(self) -> None:
        """Keep the task as it is wanted; return once it is forgotten and nothing is left."""
        async with TaskGroup() as watchers:
            watching: asyncio.Task[None] | None = None
            while True:
                self._news.clear()
                step = await self._next_step()
                if self._forgotten and step == Nothing():
                    break
                if self._is_pod:
                    self._hand.watch_all(watchers)
                elif step == AwaitExit() and (watching is None or watching.done()):
                    watching = watchers.create_task(self._watch())
                await self._do(step, watchers)
            self._hand.let_go()
            if watching is not None:
                watching.cancel()
        await self._leave_no_trace()

    async def _next_step(self) -> Step:
        if self._unwritten:
            self._unwritten = not self._written(self.status)
        needs_met = not self._bench.needs.missing(self._task)
        await self._sight.look(self._task, needs_met=needs_met)
        return next_step(self._task, self._sight.seen, self._bench.time.now_ms())

    async def _do(self, step: Step, beside: TaskGroup) -> None:
        runtime, sight, task_id = self._bench.runtime, self._sight, self._task.id
        match step:
            case Report(status):
                await self._report(status)
            case Prepare():
                await self._prepare_unless_stopped()
            case Start() | Stop() | Restart() | PostStart() | AskProbe() if step.container:
                self._hand.begin(step, beside)
            case Start():
                await sight.change("start", runtime.start(task_id), may_refuse=True)
            case Stop(grace_s, because):
                sight.note(failed=because or sight.seen.failed)
                await sight.change("stop", runtime.stop(task_id, grace_s))
            case Remove():
                await sight.change("remove", runtime.remove(task_id))
            case Wait(until_ms):
                await self._wait_for_news((until_ms - self._bench.time.now_ms()) / 1000)
            case _:
                await self._wait_for_news(None)

    async def _prepare_unless_stopped(self) -> None:
        """Prepare, which may take minutes; give it up when the task is not wanted any more."""
        async with TaskGroup() as group:
            working = group.create_task(self._prepare())
            working.add_done_callback(lambda _: self._news.set())
            while not working.done():
                await self._news.wait()
                self._news.clear()
                if wanted_stopped(self._task):
                    working.cancel()
                    break
        self._sight.blur()

    async def _prepare(self) -> None:
        preparing = prepare(self._bench.runtime, self._bench.needs, self._task)
        await self._sight.change("prepare", preparing, may_refuse=True)

    async def _watch(self) -> None:
        container = self._sight.seen.container
        has_check = container is not None and container.healthy is not None
        bench = self._bench
        await watch(bench.runtime, bench.clock, self._task.id, self.look_again, has_check=has_check)

    async def _wait_for_news(self, timeout_s: float | None) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        except TimeoutError:
            if not self._is_pod or self._sight.seen.out_of_reach:
                self._sight.blur()  # those of a pod are watched; its waits are for probes

    # --- telling

    async def _report(self, status: TaskStatus) -> None:
        """Write a status down, then send it."""
        is_found_again = status.state in FOUND_AGAIN and not status.containers
        if not is_found_again and not self._written(status):
            await self._wait_for_news(DISK_RETRY_S)
            return
        if status.state != self.status.state:
            log.info(
                "task_state",
                task=self._task.id,
                service=self._task.service_name,
                state=TaskState.Name(status.state).removeprefix("TASK_STATE_").lower(),
                error=status.error,
            )
        self._sight.note(status=status)
        self._bench.changed.set()
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


def _as_wanted(task: Task) -> Task:
    """Return what managers ask for, without what they merely know."""
    wanted = Task()
    wanted.CopyFrom(task)
    for known in ("version", "updated_at_ms", "status", "pending_reason"):
        wanted.ClearField(known)
    return wanted
