"""Lines come from every node that answers; the others cost a warning."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from swarmpy.errors import NotFound
from swarmpy.manager.api.logs import Logs
from swarmpy.pb.control_pb2 import LogsRequest
from swarmpy.pb.dispatcher_pb2 import LogChunk, LogLine, LogOptions
from swarmpy.pb.types_pb2 import TASK_STATE_RUNNING
from swarmpy.testing import builders
from tests.manager.fake_agent import FakeAgent, Swarm
from tests.manager.one_manager import Sent, put, worker
from tests.manager.stopped_clock import settle

WEB = builders.service("s1", builders.service_spec("web", replicas=2))


@dataclass
class Publisher:
    """An agent's end of one PublishLogs call."""

    swarm: Swarm
    agent: FakeAgent
    request_id: str = ""
    chunks: asyncio.Queue[LogChunk | None] = field(default_factory=asyncio.Queue)

    def begin(self) -> asyncio.Task[None]:
        self.request_id = self.agent.last("logs").id
        self.chunks.put_nowait(LogChunk(request_id=self.request_id))
        return self.swarm.run(self._publish())

    def line(self, task_id: str, text: str) -> None:
        line = LogLine(task_id=task_id, node_id="a lie", data=text.encode())
        self.chunks.put_nowait(LogChunk(request_id=self.request_id, lines=[line]))

    def end(self) -> None:
        self.chunks.put_nowait(None)

    async def _publish(self) -> None:
        try:
            await self.swarm.lead.logs.publish(self.agent.peer, self._chunks())
        except NotFound:
            return

    async def _chunks(self) -> AsyncIterator[LogChunk]:
        while (chunk := await self.chunks.get()) is not None:
            yield chunk


class Reader:
    """A client's end of one Logs call."""

    def __init__(self, swarm: Swarm, target: str = "web", *, follow: bool = False) -> None:
        self.sent = Sent()
        request = LogsRequest(target=target, options=LogOptions(follow=follow, tail=-1))
        logs = Logs(swarm.seat, lambda: swarm.lead)
        self.call = swarm.run(logs.logs(request, self.sent))

    def lines(self) -> list[tuple[str, str, str]]:
        return sorted(
            (line.task_id, line.node_id, line.data.decode())
            for response in self.sent.messages
            for line in response.lines
        )

    def warnings(self) -> list[str]:
        return [text for response in self.sent.messages for text in response.warnings]


@pytest.fixture
async def web(swarm: Swarm) -> Swarm:
    """Two running tasks, one on each node."""
    await put(
        swarm.seat.store,
        services=[WEB],
        tasks=[
            builders.task("t1", of=WEB, slot=1, on="w1", state=TASK_STATE_RUNNING),
            builders.task("t2", of=WEB, slot=2, on="w2", state=TASK_STATE_RUNNING),
        ],
    )
    return swarm


async def test_lines_of_all_nodes_are_merged_and_then_it_ends(web: Swarm) -> None:
    agents = [await web.connect("w1"), await web.connect("w2")]
    reader = Reader(web)
    await settle()
    for agent, task_id in zip(agents, ["t1", "t2"], strict=True):
        assert list(agent.last("logs").task_ids) == [task_id]
        publisher = Publisher(web, agent)
        publisher.begin()
        publisher.line(task_id, "hello")
        publisher.end()
    await settle()
    assert reader.lines() == [("t1", "w1", "hello"), ("t2", "w2", "hello")]
    assert reader.warnings() == []
    assert reader.call.done()


async def test_a_node_that_is_down_costs_a_warning_not_the_answer(web: Swarm) -> None:
    publisher = Publisher(web, await web.connect("w1"))
    reader = Reader(web)
    await settle()
    publisher.begin()
    publisher.line("t1", "still here")
    publisher.end()
    await settle()
    assert reader.lines() == [("t1", "w1", "still here")]
    assert len(reader.warnings()) == 1
    assert "w2" in reader.warnings()[0]
    assert reader.call.done()


async def test_a_node_that_says_nothing_for_5_s_costs_a_warning(web: Swarm) -> None:
    publisher = Publisher(web, await web.connect("w1"))
    silent = await web.connect("w2")
    reader = Reader(web)
    await settle()
    publisher.begin()
    publisher.end()
    await web.clock.advance(4.9)
    assert not reader.call.done()
    await web.clock.advance(1.2)
    assert reader.call.done()
    assert "silent" in reader.warnings()[0]
    late = Publisher(web, silent).begin()
    await settle()
    assert late.done(), "nobody listens any more"


async def test_a_node_that_breaks_off_costs_a_warning(web: Swarm) -> None:
    agents = [await web.connect("w1"), await web.connect("w2")]
    reader = Reader(web)
    await settle()
    broken, whole = (Publisher(web, agent) for agent in agents)
    call = broken.begin()
    whole.begin()
    broken.line("t1", "half")
    whole.end()
    await settle()
    call.cancel()
    await settle()
    assert reader.call.done()
    assert reader.lines() == [("t1", "w1", "half")]
    assert "broke off" in reader.warnings()[0]


async def test_following_goes_on_with_tasks_that_appear_later(web: Swarm) -> None:
    agents = {name: await web.connect(name) for name in ("w1", "w2")}
    reader = Reader(web, follow=True)
    await settle()
    for agent in agents.values():
        publisher = Publisher(web, agent)
        publisher.begin()
        publisher.end()
    await web.clock.advance(10)
    assert not reader.call.done()
    for agent in agents.values():
        agent.beat(web.seat.now_ms)
    await put(
        web.seat.store,
        tasks=[builders.task("t3", of=WEB, slot=1, on="w1", state=TASK_STATE_RUNNING)],
    )
    await settle()
    later = Publisher(web, agents["w1"])
    assert list(agents["w1"].last("logs").task_ids) == ["t3"]
    later.begin()
    later.line("t3", "new")
    await settle()
    assert reader.lines() == [("t3", "w1", "new")]
    async with web.seat.store.update() as tx:
        tx.services.delete("s1")
    later.end()
    await settle()
    assert reader.call.done()


async def test_following_a_quiet_node_is_no_reason_to_warn(web: Swarm) -> None:
    publisher = Publisher(web, await web.connect("w1"))
    reader = Reader(web, "t1", follow=True)
    await settle()
    publisher.begin()
    await web.clock.advance(30)
    publisher.line("t1", "after a while")
    publisher.end()
    await settle()
    assert reader.warnings() == []
    assert reader.lines() == [("t1", "w1", "after a while")]
    assert reader.call.done(), "a task that has started gets no more nodes"


async def test_only_the_node_that_was_asked_may_answer(web: Swarm) -> None:
    asked = await web.connect("w1")
    reader = Reader(web, "t1")
    await settle()
    publisher = Publisher(web, asked)
    publisher.agent = FakeAgent(worker("w2"))
    publisher.agent.heard = asked.heard
    call = publisher.begin()
    publisher.line("t1", "forged")
    await settle()
    assert call.done()
    assert reader.lines() == []
    reader.call.cancel()


async def test_lines_of_tasks_that_were_not_asked_for_are_dropped(web: Swarm) -> None:
    publisher = Publisher(web, await web.connect("w1"))
    reader = Reader(web, "t1")
    await settle()
    publisher.begin()
    publisher.line("t2", "not mine")
    publisher.line("t1", "mine")
    publisher.end()
    await settle()
    assert reader.lines() == [("t1", "w1", "mine")]


async def test_agents_stop_sending_when_the_client_goes(web: Swarm) -> None:
    publisher = Publisher(web, await web.connect("w1"))
    reader = Reader(web, "t1", follow=True)
    await settle()
    call = publisher.begin()
    await settle()
    reader.call.cancel()
    await settle()
    assert call.done()


async def test_a_slow_client_holds_the_agent_back(web: Swarm) -> None:
    publisher = Publisher(web, await web.connect("w1"))
    may_read = asyncio.Event()
    logs = Logs(web.seat, lambda: web.lead)

    async def read_slowly(_message: object) -> None:
        await may_read.wait()

    call = web.run(
        logs.logs(LogsRequest(target="t1", options=LogOptions(follow=True)), read_slowly)
    )
    await settle()
    publisher.begin()
    for number in range(500):
        publisher.line("t1", str(number))
    await settle(2000)
    assert publisher.chunks.qsize() > 300, "most of it waits at the agent"
    await web.clock.advance(20)
    assert not call.done(), "held back is not silent"
    may_read.set()
    await settle(3000)
    assert publisher.chunks.empty()
    call.cancel()
