"""The programs that the fake runtime knows: echo, cat and sh -c "exit N"."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence

from swarmpy.errors import TaskRefused
from swarmpy.pb.dispatcher_pb2 import ExecInput, ExecOutput


async def run_fake(
    argv: Sequence[str], stdin: AsyncIterator[ExecInput] | None
) -> AsyncGenerator[ExecOutput, None]:
    """Yield what argv prints, then its exit code. Raises TaskRefused for other programs."""
    match list(argv):
        case ["echo", *words]:
            yield ExecOutput(stdout=" ".join(words).encode() + b"\n")
            yield ExecOutput(exited=True, exit_code=0)
        case ["cat"]:
            if stdin is not None:
                async for given in stdin:
                    if given.stdin:
                        yield ExecOutput(stdout=given.stdin)
                    if given.end:
                        break
            yield ExecOutput(exited=True, exit_code=0)
        case ["sh", "-c", line] if line.startswith("exit "):
            yield ExecOutput(exited=True, exit_code=int(line.removeprefix("exit ")))
        case program:
            raise TaskRefused(f"there is no program {' '.join(program)!r}")
