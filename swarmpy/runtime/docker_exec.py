"""Runs one more program in a container, with its input and output."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

import structlog

from swarmpy.errors import EngineUnavailable, SwarmPyError, TaskRefused, WrongState
from swarmpy.pb.dispatcher_pb2 import ExecInput, ExecOutput
from swarmpy.runtime.docker_engine import Engine
from swarmpy.runtime.docker_frames import Frames
from swarmpy.runtime.docker_stream import CHUNK_BYTES, Stream, open_stream
from swarmpy.seams import Clock
from swarmpy.task_group import TaskGroup

log = structlog.get_logger()

NOT_RUN = b"OCI runtime exec failed"
"""What an engine prints in place of the program's output, because the answer has begun."""
NOT_RUN_CODES = (126, 127)
END_POLL_S = 0.02
END_POLLS = 250


async def run_exec(
    engine: Engine,
    exec_id: str,
    stdin: AsyncIterator[ExecInput] | None,
    *,
    tty: bool,
    clock: Clock,
) -> AsyncGenerator[ExecOutput, None]:
    """Yield what comes out; the last item carries the exit code.

    Raises:
        WrongState: the container does not run any more.
        TaskRefused: it could not be run, e.g. there is no such program.
    """
    unrun, was_left = b"", False
    body = {"Detach": False, "Tty": tty}
    opened = open_stream(engine.url, f"/exec/{exec_id}/start", _refused, body)
    async with opened as stream, TaskGroup() as group:
        feeding = group.create_task(_feed(stream, stdin)) if stdin else None
        try:
            async for output in _outputs(stream, tty=tty):
                if output.stdout.startswith(NOT_RUN):
                    unrun = output.stdout
                else:
                    yield output
        except GeneratorExit:  # a group would turn it into a group of errors
            was_left = True
        except OSError:
            log.info("exec_stream_lost", exec=exec_id)
        if feeding:
            feeding.cancel()
    if was_left:
        return
    code = await _exit_code(engine, exec_id, clock)
    if unrun and code in NOT_RUN_CODES:
        raise TaskRefused(f"could not be run: {unrun.decode(errors='replace').strip()}")
    if unrun:
        yield ExecOutput(stdout=unrun)
    yield ExecOutput(exited=True, exit_code=code)


def exec_body(argv: Sequence[str], *, stdin: bool, tty: bool) -> dict[str, Any]:
    """Return what docker-py's exec_create is called with."""
    return {"cmd": list(argv), "stdin": stdin, "tty": tty, "stdout": True, "stderr": True}


async def _outputs(stream: Stream, *, tty: bool) -> AsyncGenerator[ExecOutput, None]:
    frames = Frames()
    while data := await stream[0].read(CHUNK_BYTES):
        if tty:
            yield ExecOutput(stdout=data)
            continue
        for is_stderr, payload in frames.feed(data):
            yield ExecOutput(stderr=payload) if is_stderr else ExecOutput(stdout=payload)


async def _feed(stream: Stream, stdin: AsyncIterator[ExecInput]) -> None:
    writer = stream[1]
    try:
        async for item in stdin:
            writer.write(item.stdin)
            await writer.drain()
            if item.end:
                break
        writer.write_eof()
    except OSError:
        return  # the program does not read any more


async def _exit_code(engine: Engine, exec_id: str, clock: Clock) -> int:
    """Return the exit code, which an engine knows a moment after the output has ended."""
    for _ in range(END_POLLS):
        found = await engine.ask("inspect an exec", lambda client: client.exec_inspect(exec_id))
        if not found["Running"]:
            return int(found["ExitCode"])
        await clock.sleep(END_POLL_S)
    raise EngineUnavailable("the output of a program ended, but the engine says it runs")


def _refused(status: int, words: str) -> SwarmPyError:
    if status in {404, 409}:
        return WrongState(f"could not exec: {words}")
    return TaskRefused(f"could not exec: {words}")
