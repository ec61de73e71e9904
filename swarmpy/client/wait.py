"""Waits until services are what was asked of them. It watches; it never polls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeAlias

from swarmpy.client.picture import Picture
from swarmpy.client.progress import Progress, ServiceProgress, service_progress
from swarmpy.client.services import ServiceCalls
from swarmpy.client.stacks import StackCalls
from swarmpy.client.streams import Changes, StreamCalls
from swarmpy.errors import (
    CannotBePlaced,
    InvalidInput,
    NotFound,
    RolledBack,
    SwarmPyError,
    TimedOut,
    Unhealthy,
)
from swarmpy.pb.control_pb2 import DeployStackResponse, GetStackResponse
from swarmpy.pb.objects_pb2 import ROLLOUT_STATE_PAUSED, Service
from swarmpy.pb.types_pb2 import TaskState

Asked: TypeAlias = Service | DeployStackResponse | GetStackResponse
"""What to wait for: the answer to the call that asked for it, or a service or stack as read."""

WAIT_S = 600.0
"""Default limit of a wait: a large image over a slow line."""
UNPLACED_S = 10.0
"""So long nothing may move for want of a node: longer than a node needs to come back."""
STEADY_S = 0.5
"""So long it must stay as asked: a command that ends at once is seen to end."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a wait waits, in seconds."""

    timeout_s: float = WAIT_S
    unplaced_s: float = UNPLACED_S
    steady_s: float = STEADY_S


class WaitCalls(StreamCalls, ServiceCalls, StackCalls):
    """Waiting, on top of watching."""

    async def wait(
        self,
        asked: Asked | None = None,
        *,
        service: str = "",
        stack: str = "",
        timeout_s: float = WAIT_S,
        unplaced_s: float = UNPLACED_S,
        steady_s: float = STEADY_S,
    ) -> AsyncGenerator[Progress, None]:
        """Yield how it stands whenever that changes; end when all of it is as asked.

        Give the answer to the call that asked for it, or name a service or a stack.

        As asked: every task of the newest spec runs (of a job: has completed) and stayed so
        for `steady_s`, ports are allocated, no task of an older spec is left, no rollout is
        under way.

        Raises:
            CannotBePlaced: for `unplaced_s` nothing moved for want of a node or a port.
            Unhealthy: a task fails again and again, or a rollout has stopped.
            RolledBack: an update failed and was undone.
            TimedOut: after `timeout_s` it is still not as asked.
            NotFound: it was removed meanwhile.
        """
        if min(timeout_s, unplaced_s, steady_s) < 0:
            raise InvalidInput("a wait cannot take less than no time")
        if (asked is not None) + bool(service) + bool(stack) != 1:
            raise InvalidInput("a wait is for one thing: an answer, a service or a stack")
        if asked is None:
            asked = await (self.service(service) if service else self.stack(stack))
        subject = _Subject(asked)
        watch = self.watch(("services", "tasks"), service=subject.service, stack=subject.stack)
        limits = Limits(timeout_s, unplaced_s, steady_s)
        async with aclosing(watch) as changes, aclosing(_waiting(subject, changes, limits)) as all_:
            async for progress in all_:
                yield progress

    async def wait_done(
        self,
        asked: Asked | None = None,
        *,
        service: str = "",
        stack: str = "",
        timeout_s: float = WAIT_S,
        unplaced_s: float = UNPLACED_S,
        steady_s: float = STEADY_S,
    ) -> Progress:
        """Return the last progress of `wait`, once it is done. Raises what `wait` raises."""
        last = Progress(())
        waiting = self.wait(
            asked,
            service=service,
            stack=stack,
            timeout_s=timeout_s,
            unplaced_s=unplaced_s,
            steady_s=steady_s,
        )
        async with aclosing(waiting) as snapshots:
            async for last in snapshots:  # noqa: B007  the last one is the answer
                pass
        return last


class _Subject:
    """What is waited for, as it was when the wait began."""

    def __init__(self, asked: Asked) -> None:
        alone = isinstance(asked, Service)
        self.service = asked.id if isinstance(asked, Service) else ""
        self.stack = "" if isinstance(asked, Service) else asked.stack.name
        services = [asked] if isinstance(asked, Service) else asked.services
        self._services = {service.id: service for service in services}
        self._version = max(
            [service.version for service in services]
            + ([] if isinstance(asked, Service) else [asked.stack.version])
            + [0]
        )
        assert alone or self.stack, "a stack has a name"

    def caught_up(self, picture: Picture) -> bool:
        """Whether the watched manager knows what was asked; a follower may be behind."""
        return picture.index >= self._version

    def progress(self, picture: Picture) -> Progress:
        """Raises NotFound when a service that was asked for is gone."""
        return Progress(tuple(self._one(asked, picture) for asked in self._services.values()))

    def _one(self, asked: Service, picture: Picture) -> ServiceProgress:
        service = picture.services.get(asked.id)
        if service is None or service.removing:
            raise NotFound(f"the service {asked.spec.name!r} was removed meanwhile")
        return service_progress(
            service,
            picture,
            since_version=self._version,
            asked_spec_version=asked.spec_version,
        )


async def _waiting(
    subject: _Subject, changes: AsyncIterator[Changes], limits: Limits
) -> AsyncGenerator[Progress, None]:
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + limits.timeout_s
    done_since: float | None = None
    unplaced_since: float | None = None
    picture = Picture()
    progress: Progress | None = None
    until = give_up_at
    while (news := await _next(changes, until)) is not None:
        picture.take(news)
        if not subject.caught_up(picture):
            continue
        before, progress = progress, subject.progress(picture)
        if progress != before:
            yield progress
        _raise_if_failed(progress)
        now = loop.time()
        done_since = (done_since or now) if progress.done else None
        unplaced_since = (unplaced_since or now) if progress.unplaced else None
        until = min(
            give_up_at,
            give_up_at if done_since is None else done_since + limits.steady_s,
            give_up_at if unplaced_since is None else unplaced_since + limits.unplaced_s,
        )
    if progress is None or not progress.done:
        raise _why_not(progress, limits)


async def _next(changes: AsyncIterator[Changes], until: float) -> Changes | None:
    """Return what the watch says next, or None at the loop's time `until`.

    After None the watch is over; every deadline of a wait ends it, so that is well.
    """
    try:
        async with asyncio.timeout_at(until):
            return await anext(changes)
    except TimeoutError:
        return None


def _raise_if_failed(progress: Progress) -> None:
    for service in progress.services:
        if service.undone:
            raise RolledBack(
                f"the update of {service.name} failed and was undone: {service.rollout_message}",
                remedy=f"swarmpy service ps {service.name} shows why; mend the spec, update again",
            )
        if service.rollout == ROLLOUT_STATE_PAUSED:
            raise Unhealthy(
                f"the update of {service.name} has stopped: {service.rollout_message}",
                remedy=f"swarmpy service resume {service.name} goes on, swarmpy service rollback "
                f"{service.name} returns; or update it to a spec that runs",
            )
        if service.failing:
            raise Unhealthy(
                f"{service.name} does not stay up: {service.failing}",
                remedy=f"swarmpy service ps {service.name} shows every try, "
                f"swarmpy service logs {service.name} what its tasks said",
            )


def _why_not(progress: Progress | None, limits: Limits) -> SwarmPyError:
    if progress is None:
        return TimedOut(
            f"no manager has said how it stands within {limits.timeout_s:g} s",
            remedy="swarmpy doctor shows who answers",
        )
    behind = next(service for service in progress.services if not service.done)
    if progress.unplaced:
        return CannotBePlaced(
            f"{progress.unplaced}",
            remedy=f"swarmpy why {behind.name} shows what each node lacks",
        )
    return TimedOut(
        f"after {limits.timeout_s:g} s {progress.running} of {progress.wanted} tasks run"
        f"{_current(behind)}",
        remedy=f"it goes on without you: swarmpy service ps {behind.name}; --timeout waits longer",
    )


def _current(behind: ServiceProgress) -> str:
    for task in behind.tasks:
        if not task.served:
            state = TaskState.Name(task.state).removeprefix("TASK_STATE_").lower()
            return f"; {task.name} is {state}" + (f": {task.reason}" if task.reason else "")
    return f"; {behind.name} is not there yet"
