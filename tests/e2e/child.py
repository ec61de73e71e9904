"""A Python process that answers questions: JSON objects, a line each, on its stdin and stdout.

parent: Child.start(module, config) ── {"order": "write", "id": 7, ...} ──> child: answer_parent
                                    <── {"id": 7, ...} ───────────────────
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[2]
LINE_MAX_BYTES = 64 << 20

Answer = dict[str, Any]


class Gone(Exception):
    """The process ended before it answered."""


class Child:
    """The parent's end. `kill` it in any case; it also ends by itself when its parent does."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.pid = process.pid
        self._process = process
        self._ids = itertools.count()
        self._asked: dict[int, asyncio.Future[Answer]] = {}
        self._reading = asyncio.get_running_loop().create_task(self._read())

    @classmethod
    async def start(cls, module: str, config: object, log: Path) -> Self:
        """Run a module with `config` (JSON) as its argument; its stderr goes to a file."""
        with log.open("ab") as stderr:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", module, json.dumps(config)),
                cwd=ROOT,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                limit=LINE_MAX_BYTES,
            )
        return cls(process)

    async def ask(self, order: str, timeout_s: float = 10.0, **values: object) -> Answer:
        """Return its answer.

        Raises:
            Gone: it has ended.
            TimeoutError: it does not answer; it may do yet what it was asked to.
        """
        assert self._process.stdin is not None
        if self._reading.done() or self._process.stdin.is_closing():
            raise Gone
        number = next(self._ids)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        try:
            line = json.dumps({"order": order, "id": number, **values})
            self._process.stdin.write(line.encode() + b"\n")
            async with asyncio.timeout(timeout_s):
                return await answer
        finally:
            self._asked.pop(number, None)

    def signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):  # gone, and asyncio has not said so yet
                os.kill(self.pid, number)

    async def kill(self) -> None:
        """End it as `kill -9` does, and return when it is gone."""
        self.signal(signal.SIGKILL)
        await self._process.wait()
        await self._reading

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while (line := await self._process.stdout.readline()).endswith(b"\n"):
            answer = json.loads(line)
            asked = self._asked.pop(answer.pop("id"), None)
            if asked is not None and not asked.done():
                asked.set_result(answer)
        for asked in self._asked.values():
            if not asked.done():
                asked.set_exception(Gone())
        self._asked.clear()


async def answer_parent(answer: Callable[[str, Answer], Awaitable[Answer]]) -> None:
    """Answer whatever the parent asks, several questions at once; return when it is gone."""
    lines = asyncio.StreamReader(limit=LINE_MAX_BYTES)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )

    async def handle(question: Answer) -> None:
        number = question.pop("id")
        found = await answer(question.pop("order"), question)
        sys.stdout.write(json.dumps({"id": number, **found}) + "\n")
        sys.stdout.flush()

    async with asyncio.TaskGroup() as tasks:
        while line := await lines.readline():
            tasks.create_task(handle(json.loads(line)))
