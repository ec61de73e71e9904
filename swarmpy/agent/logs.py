"""Answers a LogRequest: the lines of some of this node's tasks, on a call of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from swarmpy.core.pod import SANDBOX
from swarmpy.errors import SwarmPyError
from swarmpy.pb.dispatcher_pb2 import LogChunk, LogLine, LogOptions, LogRequest
from swarmpy.rpc.errors_on_the_wire import errors_from_the_wire
from swarmpy.seams import Clock, Runtime
from swarmpy.task_group import TaskGroup

if TYPE_CHECKING:
    from swarmpy.pb.dispatcher_pb2_grpc import DispatcherAsyncStub

log = structlog.get_logger()

LINES_PER_CHUNK = 200
RESTART_POLL_S = 0.5
LINES_WAITING = 1000
"""Lines read ahead of a slow listener; then reading waits."""

Lines = asyncio.Queue[LogLine | None]
"""None comes last."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where lines come from."""

    runtime: Runtime
    clock: Clock


async def publish_logs(stub: DispatcherAsyncStub, source: Source, request: LogRequest) -> None:
    """Send the lines until there are no more or nobody listens."""
    lines: Lines = asyncio.Queue(LINES_WAITING)
    async with TaskGroup() as group:
        reading = group.create_task(_read_all(source, request, lines))
        try:
            with errors_from_the_wire():
                await stub.PublishLogs(_chunks(request.id, lines))
        except SwarmPyError as error:
            log.debug("logs_ended", request=request.id, why=error.message)
        reading.cancel()


async def _chunks(request_id: str, lines: Lines) -> AsyncIterator[LogChunk]:
    """Yield an empty chunk, which says that this node takes it up, then the lines."""
    chunk, over = LogChunk(request_id=request_id), False
    yield chunk
    while not over:
        batch = [await lines.get()]
        while len(batch) < LINES_PER_CHUNK and not lines.empty():
            batch.append(lines.get_nowait())
        over = None in batch
        yield LogChunk(request_id=request_id, lines=[line for line in batch if line is not None])


async def _read_all(source: Source, request: LogRequest, lines: Lines) -> None:
    """Put every task's lines into the queue, each task's in order, then None."""
    async with TaskGroup() as group:
        for task_id in request.task_ids:
            group.create_task(_read(source, task_id, request, lines))
    await lines.put(None)


async def _read(source: Source, task_id: str, request: LogRequest, lines: Lines) -> None:
    """Put the lines of the container that is asked for, or of all; a plain task has only one."""
    asked_for = request.options.container
    try:
        names = sorted({*await source.runtime.inspect_pod(task_id)} - {SANDBOX}) or [""]
    except (SwarmPyError, OSError) as error:
        log.warning("logs_not_read", task=task_id, error=str(error))
        return
    async with TaskGroup() as group:
        for name in names:
            if not asked_for or not name or name == asked_for:
                options = LogOptions()
                options.CopyFrom(request.options)
                options.container = name
                group.create_task(_read_one(source, task_id, options, lines))


async def _read_one(source: Source, task_id: str, options: LogOptions, lines: Lines) -> None:
    """Put the lines of one container; who follows one of a pod's hears its later runs, too."""
    try:
        while True:
            last_ms = options.since_ms - 1
            async with aclosing(source.runtime.logs(task_id, options)) as read:
                async for line in read:
                    last_ms = line.at_ms
                    await lines.put(line)
            options.since_ms, options.tail = last_ms + 1, -1
            if not options.follow or not await _runs_again(source, task_id, options.container):
                return
    except (SwarmPyError, OSError) as error:
        log.warning("logs_not_read", task=task_id, error=str(error))


async def _runs_again(source: Source, task_id: str, container: str) -> bool:
    """Wait until a container that has ended runs again; False when its pod has ended."""
    while True:
        pod = await source.runtime.inspect_pod(task_id)
        if container not in pod or not any(one.running for one in pod.values()):
            return False
        if pod[container].running:
            return True
        await source.clock.sleep(RESTART_POLL_S)
