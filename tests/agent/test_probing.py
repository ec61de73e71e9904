"""Single attempts of probes and hooks, over loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from swarmpy.agent.probing import Target, attempt
from swarmpy.core.container import Container
from swarmpy.pb.objects_pb2 import Task
from swarmpy.pb.specs_pb2 import ContainerSpec, TaskSpec
from swarmpy.pb.types_pb2 import (
    ExecAction,
    GrpcAction,
    Hook,
    HttpAction,
    PortBinding,
    Probe,
    TcpAction,
)
from swarmpy.seams import Dependencies
from swarmpy.testing.clock import VirtualClock
from swarmpy.testing.fake_runtime import FakeRuntime

SOON_S = 0.3


def target(port: int = 0, *, address: str = "127.0.0.1") -> Target:
    container = Container("t1", "c1", running=True, name="web", address=address)
    return Target("t1", container, (PortBinding(target=80, host_port=port),), "127.0.0.1")


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Serve one answer to everybody; what was asked is kept."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answer:
            asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], asked


async def ask(action: Probe | Hook, where: Target | None = None) -> str:
    runtime = FakeRuntime("n1", VirtualClock(asyncio.get_running_loop()))
    spec = TaskSpec(containers=[ContainerSpec(name="web"), ContainerSpec(name="log")])
    await runtime.prepare(Task(id="t1", spec=spec), Dependencies({}, {}, {}))
    await runtime.start("t1", "web")
    return await attempt(runtime, where or target(), action, SOON_S)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nfine", ""),
        (b"HTTP/1.0 302 Found\r\n\r\n", ""),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP status 400"),
        (b"HTTP/1.1 503 Busy\r\n\r\n", "HTTP status 503"),
        (b"220 mail.example.org\r\n\r\n", "its answer is no HTTP"),
        (b"x" * 100_000, "its answer is no HTTP"),
        (b"HTTP/1.1 2", "the connection broke off"),
    ],
)
async def test_http_passes_with_200_to_399(answer: bytes, said: str) -> None:
    async with answering(answer) as (port, asked):
        action = HttpAction(port=port, path="/healthz?x=1", headers={"Host": "shop", "X-A": "b"})
        assert await ask(Probe(http_get=action)) == said
    (request,) = asked
    lines = request.decode().split("\r\n")
    assert lines[0] == "GET /healthz?x=1 HTTP/1.1"
    assert {"host: shop", "x-a: b", "connection: close"} <= set(lines)
    assert sum(line.startswith("host:") for line in lines) == 1


async def test_a_hook_may_ask_another_host() -> None:
    async with answering(b"HTTP/1.1 200 OK\r\n\r\n") as (port, _):
        hook = Hook(http_get=HttpAction(port=port, host="127.0.0.1"))
        assert await ask(hook, target(address="192.0.2.1")) == ""


async def test_a_port_is_asked_where_it_is_bound_when_a_container_has_no_address() -> None:
    async with answering(b"") as (port, _):
        assert await ask(Probe(tcp_socket=TcpAction(port=80)), target(port, address="")) == ""


async def test_tcp_passes_when_it_accepts() -> None:
    async with answering(b"") as (port, _):
        assert await ask(Probe(tcp_socket=TcpAction(port=port))) == ""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        refused = Probe(tcp_socket=TcpAction(port=held.getsockname()[1]))
        assert "refused" in (await ask(refused)).lower() or await ask(refused)


async def test_who_does_not_answer_in_time_fails() -> None:
    ended = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the other end gives up
        writer.close()
        await writer.wait_closed()
        ended.set()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    said = await ask(Probe(http_get=HttpAction(port=port)))
    await ended.wait()
    server.close()
    assert said == "no answer within 0.3 s"


async def test_grpc_passes_when_it_says_serving() -> None:
    server = grpc.aio.server()
    servicer = health.aio.HealthServicer()  # type: ignore[attr-defined]
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    serving, not_serving = (
        health_pb2.HealthCheckResponse.SERVING,
        health_pb2.HealthCheckResponse.NOT_SERVING,
    )
    await servicer.set("db", not_serving)
    try:
        assert await ask(Probe(grpc=GrpcAction(port=port))) == ""
        assert await ask(Probe(grpc=GrpcAction(port=port, service="db"))) == "it says NOT_SERVING"
        await servicer.set("db", serving)
        assert await ask(Probe(grpc=GrpcAction(port=port, service="db"))) == ""
        unknown = await ask(Probe(grpc=GrpcAction(port=port, service="no")))
        assert unknown.startswith("gRPC NOT_FOUND")
    finally:
        await server.stop(0)


async def test_exec_passes_with_exit_code_0() -> None:
    assert await ask(Probe(exec=ExecAction(command=["echo", "hi"]))) == ""
    said = await ask(Probe(exec=ExecAction(command=["sh", "-c", "exit 7"])))
    assert said == "exit code 7"
    assert "no program" in await ask(Probe(exec=ExecAction(command=["nothing"])))


async def test_an_action_of_a_later_version_fails_in_words() -> None:
    assert "does not know" in await ask(Probe())
