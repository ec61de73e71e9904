"""Notices when a running container ends or its health changes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing

import structlog

from swarmpy.core.container import Container
from swarmpy.errors import SwarmPyError
from swarmpy.seams import Clock, Runtime
from swarmpy.task_group import TaskGroup

log = structlog.get_logger()

FAILED_PAUSE_S = 1.0
"""How long a watch that failed is kept from being begun again."""


async def watch(
    runtime: Runtime, clock: Clock, task_id: str, on_news: Callable[[], None], *, has_check: bool,
    container: str = "",
) -> None:  # fmt: skip
    """Call `on_news` for each change of health, and once more when the container has ended or
    cannot be watched; then return.
    """
    try:
        async with TaskGroup() as group:
            checks = [_watch_health(runtime, task_id, container, on_news)] if has_check else []
            watching = [group.create_task(check) for check in checks]
            await runtime.wait(task_id, container)
            for one in watching:
                one.cancel()
    except* (SwarmPyError, OSError) as errors:
        log.debug("watch_failed", task=task_id, why=str(errors.exceptions[0]))
        await clock.sleep(FAILED_PAUSE_S)
    on_news()


async def _watch_health(
    runtime: Runtime, task_id: str, container: str, on_news: Callable[[], None]
) -> None:
    known: Container | None = None
    async with aclosing(runtime.health(task_id, container)) as changes:
        async for seen in changes:
            if seen != known:
                known = seen
                on_news()
