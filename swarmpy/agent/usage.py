"""Measures what some tasks of this node use."""

from __future__ import annotations

import asyncio

from swarmpy.errors import SwarmPyError
from swarmpy.pb.dispatcher_pb2 import TaskUsage, UsageReport, UsageRequest
from swarmpy.seams import Clock, Runtime
from swarmpy.task_group import TaskGroup

AT_ONCE = 16
"""An engine takes up to a second for each."""


async def measure(runtime: Runtime, clock: Clock, request: UsageRequest) -> UsageReport:
    """Return what the tasks use; one that does not run, or cannot be measured, is left out."""
    places = asyncio.Semaphore(AT_ONCE)

    async def sample(task_id: str) -> TaskUsage | None:
        async with places:
            try:
                usage = await runtime.usage(task_id)
            except (SwarmPyError, OSError):
                return None
        return TaskUsage(
            task_id=task_id,
            cpu_seconds=usage.cpu_seconds,
            memory_bytes=usage.memory_bytes,
            at_ms=int(clock.now() * 1000),
        )

    async with TaskGroup() as group:
        samples = [group.create_task(sample(task_id)) for task_id in request.task_ids]
    usages = [usage for one in samples if (usage := one.result()) is not None]
    return UsageReport(request_id=request.id, usages=usages)
