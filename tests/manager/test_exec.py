"""A command's input and output pass between a client and the agent that runs it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from swarmpy.errors import InvalidInput, NotFound, SwarmPyError, TimedOut, Unavailable, WrongState
from swarmpy.manager.api.exec import Exec
from swarmpy.manager.settings import ManagerSettings
from swarmpy.pb.control_pb2 import ExecClientFrame
from swarmpy.pb.dispatcher_pb2 import ExecInput, ExecOutput, ExecRequest
from swarmpy.pb.types_pb2 import TASK_STATE_FAILED, TASK_STATE_RUNNING
from swarmpy.rpc.peer import Peer
from swarmpy.testing import builders
from tests.manager.fake_agent import Swarm
from tests.manager.one_manager import Sent, leading_seat, put, worker
from tests.manager.stopped_clock import settle


@pytest.fixture
async def swarm() -> AsyncIterator[Swarm]:
    seat = await leading_seat(settings=ManagerSettings(silence_s=0.05))
    await put(
        seat.store,
        nodes=[builders.node("w1")],
        tasks=[
            builders.task("t1", on="w1", state=TASK_STATE_RUNNING),
            builders.task("t2", on="w1", slot=2, state=TASK_STATE_FAILED),
        ],
    )
    swarm = Swarm(seat)
    yield swarm
    await swarm.close()


@dataclass
class Client:
    swarm: Swarm
    task_id: str = "t1"
    typed: asyncio.Queue[ExecClientFrame | None] = field(default_factory=asyncio.Queue)
    seen: Sent = field(default_factory=Sent)
    error: SwarmPyError | None = None
    call: asyncio.Task[None] | None = None

    def begin(self, argv: tuple[str, ...] = ("sh",)) -> Client:
        start = ExecRequest(task_id=self.task_id, argv=argv, stdin=True)
        self.typed.put_nowait(ExecClientFrame(start=start))
        self.call = self.swarm.run(self._run())
        return self

    def type(self, text: bytes) -> None:
        self.typed.put_nowait(ExecClientFrame(input=ExecInput(stdin=text)))

    async def _run(self) -> None:
        try:
            await Exec(self.swarm.seat, lambda: self.swarm.lead).exec(self._frames(), self.seen)
        except SwarmPyError as error:
            self.error = error

    async def _frames(self) -> AsyncIterator[ExecClientFrame]:
        while (frame := await self.typed.get()) is not None:
            yield frame


@dataclass
class Attached:
    """The agent's end."""

    swarm: Swarm
    peer: Peer
    said: asyncio.Queue[ExecOutput | None] = field(default_factory=asyncio.Queue)
    heard: Sent = field(default_factory=Sent)
    error: SwarmPyError | None = None

    def begin(self, request_id: str) -> asyncio.Task[None]:
        self.said.put_nowait(ExecOutput(request_id=request_id))
        return self.swarm.run(self._attach())

    def say(self, **output: object) -> None:
        self.said.put_nowait(ExecOutput(**output))  # type: ignore[arg-type]

    def end(self) -> None:
        self.said.put_nowait(None)

    async def _attach(self) -> None:
        try:
            await self.swarm.lead.execs.attach(self.peer, self._frames(), self.heard)
        except SwarmPyError as error:
            self.error = error

    async def _frames(self) -> AsyncIterator[ExecOutput]:
        while (frame := await self.said.get()) is not None:
            yield frame


async def test_input_and_output_pass_both_ways_to_the_exit_code(swarm: Swarm) -> None:
    agent = await swarm.connect("w1")
    client = Client(swarm).begin(("cat", "-n"))
    await settle()
    request = agent.last("exec")
    assert (request.task_id, list(request.argv), request.stdin) == ("t1", ["cat", "-n"], True)
    attached = Attached(swarm, agent.peer)
    attached.begin(request.id)
    client.type(b"abc")
    client.typed.put_nowait(None)
    await settle()
    assert [(f.stdin, f.end) for f in attached.heard.messages] == [(b"abc", False), (b"", True)]
    attached.say(stdout=b"1 abc")
    attached.say(exited=True, exit_code=3)
    attached.end()
    await settle()
    assert [f.stdout for f in client.seen.messages if f.stdout] == [b"1 abc"]
    last = client.seen.messages[-1]
    assert (last.exited, last.exit_code) == (True, 3)
    assert client.call is not None
    assert client.call.done()
    assert client.error is None


async def test_an_agent_that_goes_away_ends_the_command_with_an_error(swarm: Swarm) -> None:
    agent = await swarm.connect("w1")
    client = Client(swarm).begin()
    await settle()
    attached = Attached(swarm, agent.peer)
    attached.begin(agent.last("exec").id)
    attached.say(stdout=b"half")
    attached.end()
    await settle()
    assert isinstance(client.error, Unavailable)


async def test_an_agent_that_does_not_take_it_up_is_given_up(swarm: Swarm) -> None:
    await swarm.connect("w1")
    client = Client(swarm).begin()
    await asyncio.sleep(0.1)
    assert isinstance(client.error, TimedOut)


async def test_the_agents_end_closes_when_the_client_goes(swarm: Swarm) -> None:
    agent = await swarm.connect("w1")
    client = Client(swarm).begin()
    await settle()
    attached = Attached(swarm, agent.peer)
    attached.begin(agent.last("exec").id)
    await settle()
    assert client.call is not None
    client.call.cancel()
    await settle()
    assert isinstance(attached.error, NotFound)


async def test_another_node_cannot_attach(swarm: Swarm) -> None:
    agent = await swarm.connect("w1")
    Client(swarm).begin()
    await settle()
    thief = Attached(swarm, worker("w2"))
    thief.begin(agent.last("exec").id)
    await settle()
    assert isinstance(thief.error, NotFound)


async def test_a_task_that_does_not_run_takes_no_command(swarm: Swarm) -> None:
    client = Client(swarm, "t2").begin()
    await settle()
    assert isinstance(client.error, WrongState)


async def test_a_node_without_a_session_takes_no_command(swarm: Swarm) -> None:
    client = Client(swarm).begin()
    await settle()
    assert isinstance(client.error, Unavailable)


async def test_a_command_needs_words(swarm: Swarm) -> None:
    client = Client(swarm).begin(())
    await settle()
    assert isinstance(client.error, InvalidInput)
