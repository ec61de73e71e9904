"""Runs one more program in the surroundings of a process task."""

from __future__ import annotations

import asyncio
import contextlib
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, AsyncIterator, Sequence

from swarmpy.errors import TaskRefused
from swarmpy.pb.dispatcher_pb2 import ExecInput, ExecOutput
from swarmpy.runtime.health import Schedule
from swarmpy.runtime.task_directory import Launch
from swarmpy.task_group import TaskGroup

CHUNK_BYTES = 32 << 10
OUTPUTS_WAITING = 64


async def run(
    launch: Launch, argv: Sequence[str], stdin: AsyncIterator[ExecInput] | None
) -> AsyncGenerator[ExecOutput, None]:
    """Yield what comes out; the last item carries the exit code.

    Raises:
        TaskRefused: it could not be run, e.g. there is no such program.
    """
    try:
        process = await _start(launch, argv, DEVNULL if stdin is None else PIPE)
    except OSError as error:
        raise TaskRefused(f"could not be run: {argv[0]}: {error.strerror}") from error
    outputs: asyncio.Queue[ExecOutput | None] = asyncio.Queue(OUTPUTS_WAITING)
    was_left = False
    try:
        async with TaskGroup() as group:
            feeding = group.create_task(_feed(process, stdin)) if stdin else None
            pumping = group.create_task(_pump_all(process, outputs))
            try:
                while (output := await outputs.get()) is not None:
                    yield output
            except GeneratorExit:  # a group would turn it into a group of errors
                was_left = True
                pumping.cancel()
            if feeding:
                feeding.cancel()
        if was_left:
            return
        code = await process.wait()
        yield ExecOutput(exited=True, exit_code=code if code >= 0 else 128 - code)
    finally:
        await _end(process)


async def passes(launch: Launch, schedule: Schedule) -> bool:
    """Tell whether a health check ends with exit code 0 in time."""
    try:
        process = await _start(launch, schedule.argv, DEVNULL, DEVNULL)
    except OSError:
        return False
    try:
        async with asyncio.timeout(schedule.timeout_s):
            return await process.wait() == 0
    except TimeoutError:
        return False
    finally:
        await _end(process)


async def _start(launch: Launch, argv: Sequence[str], stdin: int, output: int = PIPE) -> Process:
    return await asyncio.create_subprocess_exec(
        *argv,
        stdin=stdin,
        stdout=output,
        stderr=output,
        cwd=launch.working_dir,
        env=launch.environment,
        user=launch.uid,
        group=launch.gid,
        start_new_session=True,
    )


async def _end(process: Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _pump_all(process: Process, outputs: asyncio.Queue[ExecOutput | None]) -> None:
    async def pump(stream: asyncio.StreamReader, name: str) -> None:
        while data := await stream.read(CHUNK_BYTES):
            await outputs.put(ExecOutput(**{name: data}))  # type: ignore[arg-type]

    assert process.stdout is not None
    assert process.stderr is not None
    async with TaskGroup() as group:
        group.create_task(pump(process.stdout, "stdout"))
        group.create_task(pump(process.stderr, "stderr"))
    await outputs.put(None)


async def _feed(process: Process, stdin: AsyncIterator[ExecInput]) -> None:
    assert process.stdin is not None
    with contextlib.suppress(ConnectionError):
        async for item in stdin:
            process.stdin.write(item.stdin)
            await process.stdin.drain()
            if item.end:
                break
    process.stdin.close()
