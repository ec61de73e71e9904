"""An agent's end of its session, without gRPC: it says what a test says and keeps what it hears."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from swarmpy.errors import SwarmPyError
from swarmpy.manager.dispatcher.agents import Agents
from swarmpy.manager.lead import Lead
from swarmpy.manager.seat import Seat
from swarmpy.pb.dispatcher_pb2 import (
    AgentMessage,
    Heartbeat,
    ManagerMessage,
    StatusBatch,
    TaskReport,
)
from swarmpy.pb.objects_pb2 import TaskStatus
from swarmpy.pb.types_pb2 import TaskState
from swarmpy.rpc.peer import Peer
from swarmpy.testing import builders
from tests.manager.one_manager import hello, worker
from tests.manager.stopped_clock import StoppedClock, settle


class FakeAgent:
    """What one agent said and heard."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.heard: list[ManagerMessage] = []
        self.error: SwarmPyError | None = None
        self.ended = False
        self.may_read = asyncio.Event()
        self.may_read.set()
        self._saying: asyncio.Queue[AgentMessage | None] = asyncio.Queue()

    def say(self, **message: Any) -> None:
        self._saying.put_nowait(AgentMessage(**message))

    def greet(self, cpus: float = 0) -> None:
        greeting = hello(self.peer.node_id)
        greeting.description.CopyFrom(builders.description(self.peer.node_id, cpus))
        self.say(hello=greeting)

    def beat(self, at_ms: int) -> None:
        self.say(heartbeat=Heartbeat(sent_at_ms=at_ms))

    def report(self, task_id: str, state: TaskState.ValueType, sequence: int) -> None:
        report = TaskReport(task_id=task_id, status=TaskStatus(state=state), sequence=sequence)
        self.say(statuses=StatusBatch(reports=[report]))

    def hang_up(self) -> None:
        self._saying.put_nowait(None)

    def kinds(self) -> list[str]:
        return [str(message.WhichOneof("message")) for message in self.heard]

    def last(self, kind: str) -> Any:
        return next(getattr(m, kind) for m in reversed(self.heard) if m.HasField(kind))  # type: ignore[arg-type]

    async def attend(self, agents: Agents, lead: Lead) -> None:
        """Hold the session until it ends; keep the error that ended it."""
        try:
            async with lead.held():
                await agents.session(self.peer, self._messages(), self._hear)
        except SwarmPyError as error:
            self.error = error
        finally:
            self.ended = True

    async def _messages(self) -> AsyncIterator[AgentMessage]:
        while (message := await self._saying.get()) is not None:
            yield message

    async def _hear(self, message: ManagerMessage) -> None:
        await self.may_read.wait()
        copy = ManagerMessage()
        copy.CopyFrom(message)
        self.heard.append(copy)


class Swarm:
    """A leader with its duties running, and agents that tests connect to it."""

    def __init__(self, seat: Seat, lead: Lead | None = None) -> None:
        assert isinstance(seat.clock, StoppedClock)
        self.seat = seat
        self.clock = seat.clock
        self.lead = lead or Lead(seat, loops=())
        self.agents = Agents(seat, lambda: self.lead)
        self._tasks = [asyncio.create_task(self.lead.run())]

    async def connect(
        self, node_id: str, *, peer: Peer | None = None, cpus: float = 0
    ) -> FakeAgent:
        agent = FakeAgent(peer or worker(node_id))
        agent.greet(cpus)
        self.run(agent.attend(self.agents, self.lead))
        await settle()
        return agent

    def run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something beside the test, until its end."""
        self._tasks.append(asyncio.create_task(work))
        return self._tasks[-1]

    async def close(self) -> None:
        self.lead.end()
        for task in self._tasks:
            task.cancel()
        for result in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result
