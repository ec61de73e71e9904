"""The same agent over real gRPC on a real disk, so that nothing rests on the memory network."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import grpc

from swarmpy.agent.agent import Agent
from swarmpy.daemon.clock import SystemClock
from swarmpy.pb.dispatcher_pb2 import ExecInput, ExecRequest, LogOptions, LogRequest, ManagerMessage
from swarmpy.pb.dispatcher_pb2_grpc import add_DispatcherServicer_to_server
from swarmpy.pb.types_pb2 import TASK_STATE_REMOVE, TASK_STATE_RUNNING, TASK_STATE_SHUTDOWN
from swarmpy.raft.disk import LocalDisk
from swarmpy.rpc.errors_on_the_wire import ErrorsOnTheWire
from swarmpy.seams import RpcServer
from swarmpy.testing.builders import seal
from swarmpy.testing.fake_data_plane import FakeDataPlane
from swarmpy.testing.fake_neighbours import FakeGossip, FakeNeighbours
from swarmpy.testing.fake_runtime import FakeRuntime
from tests.agent.bed import task
from tests.agent.fake_manager import FakeManager


class PlainTransport:
    """gRPC without certificates: who calls is not what these tests are about."""

    def channel(self, address: str) -> grpc.aio.Channel:
        return grpc.aio.insecure_channel(address)

    async def serve(self, address: str, register: Callable[[grpc.aio.Server], None]) -> RpcServer:
        raise AssertionError("an agent serves nobody")


async def nobody_cares(_: Any) -> None:
    """Take a message that these tests are not about."""


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def with_agent(
    tmp_path: Path, body: Callable[[FakeManager, FakeRuntime], Awaitable[None]]
) -> None:
    clock = SystemClock()
    manager, runtime = FakeManager(clock), FakeRuntime("n1", clock)
    server = grpc.aio.server(interceptors=[ErrorsOnTheWire()])
    add_DispatcherServicer_to_server(manager, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()

    def managers() -> Sequence[str]:
        return [f"127.0.0.1:{port}"]

    agent = Agent(
        node_id="n1",
        runtime=runtime,
        data_plane=FakeDataPlane(),
        neighbours=FakeNeighbours(FakeGossip(clock), "n1", "127.0.0.1:7947"),
        transport=PlainTransport(),
        disk=LocalDisk(),
        directory=tmp_path / "agent",
        seal=seal(),
        clock=clock,
        rng=random.Random(1),
        address="127.0.0.1",
        managers=managers,
        manager_status=lambda: None,
        on_managers=nobody_cares,
        on_role=nobody_cares,
    )
    async with asyncio.TaskGroup() as group:
        running = group.create_task(agent.run())
        await body(manager, runtime)
        running.cancel()
    await server.stop(0)


async def test_a_task_runs_and_ends_over_real_grpc(tmp_path: Path) -> None:
    async def body(manager: FakeManager, runtime: FakeRuntime) -> None:
        manager.assign(task(port=80))
        await until(lambda: manager.state("t1") == TASK_STATE_RUNNING)
        manager.assign(task(desired=TASK_STATE_REMOVE))
        await until(lambda: manager.state("t1") == TASK_STATE_SHUTDOWN)
        manager.take_away("tasks", "t1")
        await until(lambda: not list((tmp_path / "agent" / "tasks").iterdir()))
        assert not runtime.running()

    await with_agent(tmp_path, body)


async def test_lines_and_commands_travel_over_real_grpc(tmp_path: Path) -> None:
    async def body(manager: FakeManager, _: FakeRuntime) -> None:
        manager.assign(task(log="one\ntwo"))
        await until(lambda: manager.state("t1") == TASK_STATE_RUNNING)
        options = LogOptions(tail=-1, stdout=True, stderr=True)
        request = LogRequest(id="r1", task_ids=["t1"], options=options)
        manager.say(ManagerMessage(logs=request))
        await until(lambda: manager.log_requests_ended == ["r1"])
        assert [line.data for line in manager.lines] == [b"one", b"two"]
        manager.stdin = [ExecInput(stdin=b"hello"), ExecInput(end=True)]
        command = ExecRequest(id="r2", task_id="t1", argv=["cat"], stdin=True)
        manager.say(ManagerMessage(exec=command))
        await until(lambda: manager.output and manager.output[-1].exited)
        assert [output.stdout for output in manager.output[1:-1]] == [b"hello"]

    await with_agent(tmp_path, body)


async def test_a_session_that_breaks_is_opened_again(tmp_path: Path) -> None:
    async def body(manager: FakeManager, _: FakeRuntime) -> None:
        await until(lambda: manager.heartbeats)
        manager.skip_a_version()
        manager.assign(task())
        await until(lambda: manager.state("t1") == TASK_STATE_RUNNING)
        assert len(manager.hellos) == 2

    await with_agent(tmp_path, body)
