"""Answers an ExecRequest: runs a command in a task, on a call of its own.

manager ──stdin──> AttachExec ──> runtime.exec ──output──> AttachExec ──> manager
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING

import structlog

from swarmpy.agent.stream import Stream
from swarmpy.errors import SwarmPyError
from swarmpy.pb.dispatcher_pb2 import ExecInput, ExecOutput, ExecRequest
from swarmpy.seams import Runtime
from swarmpy.task_group import TaskGroup

if TYPE_CHECKING:
    from swarmpy.pb.dispatcher_pb2_grpc import DispatcherAsyncStub

log = structlog.get_logger()

FRAMES_WAITING = 16
"""Input read ahead of a slow command."""

Input = asyncio.Queue[ExecInput]
Call = Stream[ExecOutput, ExecInput]


async def attach_exec(stub: DispatcherAsyncStub, runtime: Runtime, request: ExecRequest) -> None:
    """Run it until it ends or nobody listens; its last frame says how it ended."""
    call: Call = Stream(stub.AttachExec())  # type: ignore[call-arg]  # the stubs want an iterator
    stdin: Input = asyncio.Queue(FRAMES_WAITING)
    try:
        async with TaskGroup() as group:
            running = group.create_task(_run(call, runtime, request, stdin))
            await _take_input(call, stdin if request.stdin else None)
            running.cancel()
    except* SwarmPyError as errors:
        log.debug("exec_ended", request=request.id, why=str(errors.exceptions[0]))
    finally:
        call.cancel()


async def _run(call: Call, runtime: Runtime, request: ExecRequest, stdin: Input) -> None:
    await call.send(ExecOutput(request_id=request.id))
    given = _until_end(stdin) if request.stdin else None
    try:
        running = runtime.exec(
            request.task_id, list(request.argv), given, request.tty, request.container
        )
        async with aclosing(running) as outputs:
            async for output in outputs:
                await call.send(output)
    except (SwarmPyError, OSError) as error:
        await call.send(ExecOutput(error=str(error)))
    await call.finish()


async def _take_input(call: Call, stdin: Input | None) -> None:
    """Pass input on until the manager ends the call. Nobody else reads: gRPC ends a call when
    whoever reads it is cancelled, and a command may end before its input does.
    """
    while (given := await call.read()) is not None:
        if stdin is not None:
            await stdin.put(given)


async def _until_end(stdin: Input) -> AsyncIterator[ExecInput]:
    while True:
        given = await stdin.get()
        yield given
        if given.end:
            return
