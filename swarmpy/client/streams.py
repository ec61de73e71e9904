"""What goes on for a while: changes, log lines, and commands inside a task."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeAlias

from swarmpy.client.calls import Calls
from swarmpy.client.connection import delays
from swarmpy.errors import Unavailable
from swarmpy.pb.control_pb2 import (
    ExecClientFrame,
    LogsRequest,
    LogsResponse,
    RemovedRow,
    WatchBatch,
    WatchRequest,
)
from swarmpy.pb.dispatcher_pb2 import ExecInput, ExecOutput, ExecRequest, LogOptions
from swarmpy.pb.objects_pb2 import Config, Event, Network, Node, Secret, Service, Stack, Task

Row: TypeAlias = Node | Service | Task | Network | Config | Secret | Stack | Event

STDIN_BYTES = 32 * 1024
"""How much of a given stdin goes into one frame."""
QUIET_REOPENINGS = 8
"""How often a watch is opened again, one after the other, without hearing anything."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What one commit changed, of that which is watched."""

    index: int
    """Of the commit; grows, also over a change of manager."""
    resync: bool
    """`rows` is everything there is: forget the rest. True first and after a lost connection."""
    rows: tuple[Row, ...]
    """New and changed objects, whole."""
    removed: tuple[RemovedRow, ...]


class StreamCalls(Calls):
    """Each call is an async iterator; leaving the loop ends the call."""

    async def watch(
        self, tables: Sequence[str] = (), *, service: str = "", stack: str = ""
    ) -> AsyncGenerator[Changes, None]:
        """Yield what is there now, then every change; a lost connection starts over.

        `tables` are "services", "tasks", "nodes", "events" and so on; none is all.

        Raises:
            Unavailable: no manager answers any more.
        """
        request = WatchRequest(tables=tables, service=service, stack=stack)
        pauses = delays()
        reopenings = 0
        while True:
            try:
                opened = self._connection.stream(lambda c: c.Watch, request)
                async with aclosing(opened) as batches:
                    async for batch in batches:
                        pauses, reopenings = delays(), 0
                        yield _typed(batch)
            except Unavailable:
                if reopenings:
                    raise
            reopenings += 1
            if reopenings > QUIET_REOPENINGS:
                raise Unavailable("the managers end every watch at once")
            await asyncio.sleep(next(pauses))

    async def logs(  # noqa: PLR0913  each is one of the options that people know
        self,
        ref: str,
        *,
        follow: bool = False,
        tail: int = -1,
        since_ms: int = 0,
        stdout: bool = True,
        stderr: bool = True,
        container: str = "",
    ) -> AsyncGenerator[LogsResponse, None]:
        """Yield the lines of a service or task; `tail` -1 is all that the nodes still have.
        `container` names one of a pod's; they are all read without it.

        A node that does not answer costs a warning in the response, not the answer.
        """
        options = LogOptions(
            follow=follow,
            tail=tail,
            since_ms=since_ms,
            stdout=stdout,
            stderr=stderr,
            container=container,
        )
        request = LogsRequest(target=ref, options=options)
        async with aclosing(self._connection.stream(lambda c: c.Logs, request)) as answers:
            async for answer in answers:
                yield answer

    async def exec(
        self,
        ref: str,
        argv: Sequence[str],
        *,
        stdin: bytes | AsyncIterable[bytes] | None = None,
        tty: bool = False,
        container: str = "",
    ) -> AsyncGenerator[ExecOutput, None]:
        """Run argv in a task and yield what it writes; the last item carries the exit code.

        `container` names one of a pod's; without it, it is the first.
        """
        start = ExecRequest(
            task_id=ref, argv=argv, tty=tty, stdin=stdin is not None, container=container
        )

        async def frames() -> AsyncIterator[ExecClientFrame]:
            yield ExecClientFrame(start=start)
            if stdin is not None:
                async for piece in _pieces(stdin):
                    yield ExecClientFrame(input=ExecInput(stdin=piece))
                yield ExecClientFrame(input=ExecInput(end=True))

        async with aclosing(self._connection.converse(lambda c: c.Exec, frames)) as outputs:
            async for output in outputs:
                yield output


async def _pieces(stdin: bytes | AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    if isinstance(stdin, bytes):
        for start in range(0, len(stdin), STDIN_BYTES):
            yield stdin[start : start + STDIN_BYTES]
    else:
        async for piece in stdin:
            yield piece


def _typed(batch: WatchBatch) -> Changes:
    rows: list[Row] = []
    removed: list[RemovedRow] = []
    for change in batch.changes:
        kind = change.WhichOneof("row")
        if kind == "removed":
            removed.append(change.removed)
        elif kind is not None:
            rows.append(getattr(change, kind))
    return Changes(batch.index, batch.resync, tuple(rows), tuple(removed))
