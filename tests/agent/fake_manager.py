"""A manager's dispatcher as an agent sees it: it is told what to assign, and remembers reports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from swarmpy.errors import SwarmPyError
from swarmpy.pb.dispatcher_pb2 import (
    AgentMessage,
    Assignment,
    AssignmentDiff,
    AssignmentRemoval,
    AssignmentSet,
    ExecInput,
    ExecOutput,
    Hello,
    LoadBalancer,
    LogChunk,
    LogLine,
    ManagerMessage,
    NewestFile,
    PublishLogsResponse,
    StatusAck,
    StatusBatch,
    UsageReport,
    Welcome,
)
from swarmpy.pb.dispatcher_pb2_grpc import DispatcherServicer
from swarmpy.pb.objects_pb2 import Config, Network, Secret, Task, TaskStatus, Volume
from swarmpy.pb.types_pb2 import TaskState
from swarmpy.seams import Clock

Item = Task | Config | Secret | Network | LoadBalancer | Volume | NewestFile
FIELDS = {
    Task: "task",
    Config: "config",
    Secret: "secret",
    Network: "network",
    Volume: "volume",
    NewestFile: "newest",
}


def _field(item: Item) -> str:
    return FIELDS.get(type(item), "load_balancer")


def table_of(item: Item) -> str:
    return "newest" if isinstance(item, NewestFile) else f"{_field(item)}s"


def assignment(item: Item) -> Assignment:
    fields: dict[str, Any] = {_field(item): item}
    return Assignment(**fields)


class FakeManager(DispatcherServicer):
    """Serves one agent at a time."""

    def __init__(self, clock: Clock) -> None:
        self.refusal: SwarmPyError | None = None
        """What every new session is answered with, if anything."""
        self.acknowledges = True
        self.skew_ms = 0
        self.hellos: list[Hello] = []
        self.heartbeats = 0
        self.reports: list[tuple[str, TaskState.ValueType]] = []
        """(task id, state) of everything reported, in order."""
        self.statuses: dict[str, TaskStatus] = {}
        self.lines: list[LogLine] = []
        self.log_requests_ended: list[str] = []
        self.closed_ports: list[list[int]] = []
        self.volumes_removed: list[list[str]] = []
        self.usages: list[UsageReport] = []
        self.output: list[ExecOutput] = []
        self.stdin: list[ExecInput] = []
        self._clock = clock
        self._held: dict[tuple[str, str], Item] = {}
        self._version = 0
        self._outbox: asyncio.Queue[ManagerMessage] | None = None

    # --- what tests let it say

    def assign(self, *items: Item) -> None:
        """Let the node hold these, in addition or in place of the same rows."""
        self._held.update({(table_of(item), item.id): item for item in items})
        self._say_diff(AssignmentDiff(changed=[assignment(item) for item in items]))

    def take_away(self, table: str, row_id: str) -> None:
        del self._held[table, row_id]
        self._say_diff(AssignmentDiff(removed=[AssignmentRemoval(table=table, id=row_id)]))

    def forget_silently(self, table: str, row_id: str) -> None:
        """Let the node learn of it by its next full set only."""
        del self._held[table, row_id]

    def say(self, message: ManagerMessage) -> None:
        assert self._outbox is not None, "no session is open"
        self._outbox.put_nowait(message)

    def skip_a_version(self) -> None:
        self._version += 1

    def _say_diff(self, diff: AssignmentDiff) -> None:
        diff.applies_to, self._version = self._version, self._version + 1
        diff.results_in = self._version
        if self._outbox is not None:
            self.say(ManagerMessage(diff=diff))

    # --- what it saw

    def state(self, task_id: str) -> TaskState.ValueType | None:
        return self.statuses[task_id].state if task_id in self.statuses else None

    # --- the service

    async def Session(  # type: ignore[override]  # noqa: N802
        self, request_iterator: AsyncIterator[AgentMessage], context: Any
    ) -> None:
        if self.refusal is not None:
            raise self.refusal
        self._outbox = asyncio.Queue()
        self.hellos.append((await anext(request_iterator)).hello)
        now_ms = int(self._clock.now() * 1000) + self.skew_ms
        welcome = Welcome(heartbeat_s=0.5, node_id="n1", now_ms=now_ms)
        await context.write(ManagerMessage(welcome=welcome))
        whole = AssignmentSet(
            version=self._version, items=[assignment(item) for item in self._held.values()]
        )
        await context.write(ManagerMessage(assignments=whole))
        try:
            async with asyncio.TaskGroup() as group:
                writing = group.create_task(self._write(self._outbox, context))
                async for message in request_iterator:
                    self._hear(message)
                writing.cancel()
        finally:
            self._outbox = None

    async def _write(self, outbox: asyncio.Queue[ManagerMessage], context: Any) -> None:
        while True:
            await context.write(await outbox.get())

    def _hear(self, message: AgentMessage) -> None:
        if message.HasField("heartbeat"):
            self.heartbeats += 1
        if message.HasField("usage"):
            self.usages.append(message.usage)
        if message.HasField("closed_ports"):
            self.closed_ports.append([port.port for port in message.closed_ports.ports])
        if message.HasField("volumes_removed"):
            self.volumes_removed.append(list(message.volumes_removed.volume_ids))
        if message.HasField("statuses"):
            self._take(message.statuses)

    def _take(self, batch: StatusBatch) -> None:
        for report in batch.reports:
            self.reports.append((report.task_id, report.status.state))
            self.statuses[report.task_id] = report.status
        if self.acknowledges:
            ack = StatusAck(sequence=max(report.sequence for report in batch.reports))
            self.say(ManagerMessage(acknowledged=ack))

    async def PublishLogs(  # noqa: N802
        self, request_iterator: AsyncIterator[LogChunk], context: Any
    ) -> PublishLogsResponse:
        del context
        first = await anext(request_iterator)
        async for chunk in request_iterator:
            self.lines.extend(chunk.lines)
        self.log_requests_ended.append(first.request_id)
        return PublishLogsResponse()

    async def AttachExec(  # type: ignore[override]  # noqa: N802
        self, request_iterator: AsyncIterator[ExecOutput], context: Any
    ) -> None:
        for given in self.stdin:
            await context.write(given)
        async for output in request_iterator:
            self.output.append(output)

    async def RenewCertificate(self, request: Any, context: Any) -> Any:  # noqa: N802
        raise AssertionError("an agent does not ask for certificates")

    async def JoinQuorum(self, request: Any, context: Any) -> Any:  # noqa: N802
        raise AssertionError("an agent does not join the quorum")

    async def Join(self, request: Any, context: Any) -> Any:  # noqa: N802
        raise AssertionError("an agent has joined")
