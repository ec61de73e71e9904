"""One conversation with a manager: from Hello until either side ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from swarmpy.agent.description import Description
from swarmpy.agent.exec import attach_exec
from swarmpy.agent.logs import Source, publish_logs
from swarmpy.agent.probes import probe_all
from swarmpy.agent.reporter import Reporter
from swarmpy.agent.routes import Routes
from swarmpy.agent.stream import Stream
from swarmpy.agent.swarm_time import SwarmTime
from swarmpy.agent.usage import measure
from swarmpy.agent.volumes import Volumes
from swarmpy.agent.worker import Worker
from swarmpy.errors import NotLeader, SwarmPyError, TimedOut, Unavailable
from swarmpy.pb.dispatcher_pb2 import (
    AgentMessage,
    ClosedPorts,
    GossipAccess,
    Heartbeat,
    Hello,
    ManagerMessage,
    VolumesRemoved,
)
from swarmpy.pb.types_pb2 import NodeRole
from swarmpy.seams import Clock, Neighbours, Runtime
from swarmpy.task_group import TaskGroup

if TYPE_CHECKING:
    from swarmpy.pb.dispatcher_pb2_grpc import DispatcherAsyncStub

log = structlog.get_logger()

WELCOME_TIMEOUT_S = 10.0
REQUESTS_AT_ONCE = 64
"""Log and exec requests that one session serves at a time; more are not taken up."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Whom a session speaks for."""

    worker: Worker
    reporter: Reporter
    routes: Routes
    volumes: Volumes
    description: Description
    runtime: Runtime
    neighbours: Neighbours
    clock: Clock
    time: SwarmTime
    on_managers: Callable[[Sequence[str]], Awaitable[None]]
    on_role: Callable[[NodeRole.ValueType], Awaitable[None]]
    on_gossip: Callable[[GossipAccess], None]


class Session:
    """Used once."""

    def __init__(self, stub: DispatcherAsyncStub, parts: Parts) -> None:
        self.was_welcome = False
        self._node_id = ""
        self._stub = stub
        self._parts = parts
        self._call: Stream[AgentMessage, ManagerMessage] = Stream(
            stub.Session()  # type: ignore[call-arg]  # the stubs want an iterator
        )
        self._requests = asyncio.Semaphore(REQUESTS_AT_ONCE)

    async def run(self, hello: Hello) -> None:
        """Speak until it breaks.

        Raises:
            NotLeader: with the leader's address, if the manager knows it.
            SwarmPyError: why it ended; another session may go better.
        """
        failures: list[SwarmPyError] = []
        try:
            heartbeat_s = await self._open(hello)
            async with TaskGroup() as group:
                group.create_task(self._listen(group))
                group.create_task(self._beat(heartbeat_s))
                group.create_task(self._parts.reporter.run(self._call.send))
                group.create_task(self._describe())
                group.create_task(self._tell_closed_ports())
                group.create_task(self._tell_removed_volumes())
        except* SwarmPyError as group_of_errors:
            failures = _leaves(group_of_errors)
        finally:
            self._call.cancel()
        raise next((error for error in failures if isinstance(error, NotLeader)), failures[0])

    async def _open(self, hello: Hello) -> float:
        """Return how often to send a heartbeat."""
        try:
            async with asyncio.timeout(WELCOME_TIMEOUT_S):
                await self._call.send(AgentMessage(hello=hello))
                welcome = (await self._read()).welcome
        except TimeoutError:
            raise TimedOut(f"the manager did not answer within {WELCOME_TIMEOUT_S:g} s") from None
        self._parts.time.heard(welcome.now_ms)
        self.was_welcome = True
        self._node_id = welcome.node_id
        log.info("session_opened", node=welcome.node_id)
        return welcome.heartbeat_s

    async def _read(self) -> ManagerMessage:
        message = await self._call.read()
        if message is None:
            raise Unavailable("the manager ended the session")
        return message

    async def _listen(self, group: TaskGroup) -> None:
        parts = self._parts
        while True:
            message = await self._read()
            match message.WhichOneof("message"):
                case "assignments":
                    parts.worker.take_set(message.assignments)
                case "diff":
                    parts.worker.take_diff(message.diff)
                case "acknowledged":
                    parts.reporter.acknowledged(message.acknowledged.sequence)
                case "managers":
                    await parts.on_managers(message.managers.api_addresses)
                case "role":
                    group.create_task(self._play(message.role))
                case "gossip":
                    parts.on_gossip(message.gossip)
                case "probe" | "usage":
                    group.create_task(self._report(message))
                case "logs" | "exec":
                    group.create_task(self._serve(message))
                case unknown:
                    log.warning("message_not_understood", message=unknown)

    async def _play(self, role: NodeRole.ValueType) -> None:
        """Let the node take a role on, while the session goes on."""
        try:
            await self._parts.on_role(role)
        except SwarmPyError as error:
            log.warning("role_not_taken", role=NodeRole.Name(role), error=error.message)

    async def _serve(self, message: ManagerMessage) -> None:
        if self._requests.locked():
            log.warning("request_not_served", at_once=REQUESTS_AT_ONCE)
            return
        async with self._requests:
            if message.HasField("logs"):
                source = Source(self._parts.runtime, self._parts.clock)
                await publish_logs(self._stub, source, message.logs)
            else:
                await attach_exec(self._stub, self._parts.runtime, message.exec)

    async def _beat(self, heartbeat_s: float) -> None:
        while True:
            now_ms = int(self._parts.clock.now() * 1000)
            table_hash = self._parts.neighbours.picture.table_hash
            beat = Heartbeat(sent_at_ms=now_ms, table_hash=table_hash)
            await self._call.send(AgentMessage(heartbeat=beat))
            await self._parts.clock.sleep(heartbeat_s)

    async def _report(self, message: ManagerMessage) -> None:
        """Answer a question about this node."""
        if self._requests.locked():
            log.warning("request_not_served", at_once=REQUESTS_AT_ONCE)
            return
        parts = self._parts
        async with self._requests:
            if message.HasField("probe"):
                found = await probe_all(parts.neighbours, message.probe.id, self._node_id)
                report = AgentMessage(probes=found)
            else:
                report = AgentMessage(
                    usage=await measure(parts.runtime, parts.clock, message.usage)
                )
            await self._call.send(report)

    async def _describe(self) -> None:
        while True:
            description = await self._parts.description.changed()
            await self._call.send(AgentMessage(description=description))

    async def _tell_closed_ports(self) -> None:
        told: ClosedPorts | None = None
        while True:
            told = await self._parts.routes.closed_ports(told)
            await self._call.send(AgentMessage(closed_ports=told))

    async def _tell_removed_volumes(self) -> None:
        told: VolumesRemoved | None = None
        while True:
            told = await self._parts.volumes.removed(told)
            await self._call.send(AgentMessage(volumes_removed=told))


def _leaves(group: BaseExceptionGroup[SwarmPyError]) -> list[SwarmPyError]:
    errors: list[SwarmPyError] = []
    for error in group.exceptions:
        errors.extend(_leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    return errors
