"""What a `seams.Transport` promises to stubs and servicers, whatever carries the bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc

from swarmpy.errors import Conflict, NotFound, SwarmPyError, TimedOut, Unavailable, WrongState
from swarmpy.pb.control_pb2 import GetNodeRequest, WatchRequest
from swarmpy.pb.control_pb2_grpc import ControlStub, add_ControlServicer_to_server
from swarmpy.pb.dispatcher_pb2 import (
    AgentMessage,
    ExecOutput,
    LogChunk,
    ManagerMessage,
    PublishLogsResponse,
)
from swarmpy.pb.dispatcher_pb2_grpc import (
    DispatcherStub,
    add_DispatcherServicer_to_server,
)
from swarmpy.rpc.errors_on_the_wire import errors_from_the_wire
from swarmpy.seams import Transport
from swarmpy.testing.conformance.echo_servicer import Servicer, new_servicer
from swarmpy.testing.rpc_frames import END_OF_STREAM

SOON_S = 20.0
"""Far more than a message takes on any transport."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Who serves, where, and who calls as which node."""

    server: Transport
    client: Transport
    address: str
    client_node_id: str


Promise: TypeAlias = Callable[[Ends], Awaitable[None]]


@asynccontextmanager
async def serving(ends: Ends) -> AsyncIterator[tuple[Servicer, grpc.aio.Channel]]:
    """Serve, connect, and take both down again."""
    servicer = new_servicer()

    def register(server: grpc.aio.Server) -> None:
        add_ControlServicer_to_server(servicer, server)
        add_DispatcherServicer_to_server(servicer, server)

    server = await ends.server.serve(ends.address, register)
    channel = ends.client.channel(server.address)
    try:
        yield servicer, channel
    finally:
        await channel.close(None)
        await server.stop(0)


async def raised_by(call: Awaitable[Any]) -> SwarmPyError:
    """Return the SwarmPyError a call ends with."""
    try:
        with errors_from_the_wire():
            await call
    except SwarmPyError as error:
        return error
    raise AssertionError("the call ended well")


async def the_server_knows_who_calls(ends: Ends) -> None:
    async with serving(ends) as (_, channel):
        node = await ControlStub(channel).GetNode(GetNodeRequest())
        assert node.id == ends.client_node_id


async def metadata_reaches_the_handler(ends: Ends) -> None:
    async with serving(ends) as (_, channel):
        node = await ControlStub(channel).GetNode(
            GetNodeRequest(node="metadata"), metadata=(("swarmpy-mark", "seen"),)
        )
        assert node.id == "seen"


async def an_error_is_the_same_on_both_sides(ends: Ends) -> None:
    async with serving(ends) as (_, channel):
        error = await raised_by(ControlStub(channel).GetNode(GetNodeRequest(node="missing")))
        assert type(error) is Conflict
        assert (error.message, error.remedy) == ("node missing is not there", "look")
        assert error.fields == {"id": "n1"}


async def a_bug_is_told_as_a_bug_and_nothing_of_its_inside(ends: Ends) -> None:
    async with serving(ends) as (_, channel):
        error = await raised_by(ControlStub(channel).GetNode(GetNodeRequest(node="bug")))
        assert type(error) is SwarmPyError
        assert "ZeroDivision" not in error.message


async def responses_stream_in_order(ends: Ends) -> None:
    async with serving(ends) as (_, channel):
        batches = [batch.index async for batch in ControlStub(channel).Watch(WatchRequest())]
        assert batches == [0, 1, 2]


async def an_error_ends_a_stream_after_what_came_before_it(ends: Ends) -> None:
    async with serving(ends) as (_, channel):
        seen: list[int] = []

        async def read() -> None:
            watch: Any = ControlStub(channel).Watch(WatchRequest(service="missing"))
            while (batch := await watch.read()) is not END_OF_STREAM:
                seen.append(batch.index)

        assert type(await raised_by(read())) is NotFound
        assert seen == [0, 1, 2]


async def requests_stream_in_order_and_are_answered_once(ends: Ends) -> None:
    async def chunks() -> AsyncIterator[LogChunk]:
        for n in range(3):
            yield LogChunk(request_id=str(n))

    async with serving(ends) as (_, channel):
        answer = await DispatcherStub(channel).PublishLogs(chunks())
        assert answer == PublishLogsResponse()


async def both_ways_stream_at_once(ends: Ends) -> None:
    async with serving(ends) as (_, channel):
        call = DispatcherStub(channel).Session()  # type: ignore[call-arg]  # it is optional
        for n in (7, 8, 9):
            message = AgentMessage()
            message.heartbeat.sent_at_ms = n
            await call.write(message)
            answer = await call.read()
            assert isinstance(answer, ManagerMessage)
            assert answer.acknowledged.sequence == n
        await call.done_writing()
        assert await call.read() is END_OF_STREAM


async def a_handler_may_write_instead_of_yielding(ends: Ends) -> None:
    async def outputs() -> AsyncIterator[ExecOutput]:
        for data in (b"a", b"b"):
            yield ExecOutput(stdout=data)

    async with serving(ends) as (_, channel):
        answers = [got.stdin async for got in DispatcherStub(channel).AttachExec(outputs())]
        assert answers == [b"a", b"b"]


async def a_deadline_ends_a_call_on_both_sides(ends: Ends) -> None:
    async with serving(ends) as (servicer, channel):
        request = GetNodeRequest(node="forever")
        error = await raised_by(ControlStub(channel).GetNode(request, timeout=0.2))
        assert type(error) is TimedOut
        async with asyncio.timeout(SOON_S):
            await servicer.cancelled.wait()


async def a_caller_that_is_cancelled_cancels_the_handler(ends: Ends) -> None:
    async with serving(ends) as (servicer, channel):
        call = ControlStub(channel).Watch(WatchRequest(service="forever"))
        for _ in range(3):
            await call.read()
        try:
            async with asyncio.timeout(0.1):
                await call.read()
        except TimeoutError:
            pass
        assert call.cancelled()
        async with asyncio.timeout(SOON_S):
            await servicer.cancelled.wait()


async def closing_a_channel_ends_its_calls(ends: Ends) -> None:
    async with serving(ends) as (servicer, channel):
        call = ControlStub(channel).Watch(WatchRequest(service="forever"))
        await call.read()
        await channel.close(None)
        async with asyncio.timeout(SOON_S):
            await servicer.cancelled.wait()


async def a_server_that_stops_ends_its_streams(ends: Ends) -> None:
    servicer = new_servicer()
    server = await ends.server.serve(
        ends.address, lambda server: add_ControlServicer_to_server(servicer, server)
    )
    channel = ends.client.channel(server.address)
    call = ControlStub(channel).Watch(WatchRequest(service="forever"))
    await call.read()
    await server.stop(0)

    async def read() -> None:
        async with asyncio.timeout(SOON_S):
            while await call.read() is not END_OF_STREAM:
                pass

    assert isinstance(await raised_by(read()), Unavailable)
    await channel.close(None)


async def reading_and_iterating_one_stream_is_refused(ends: Ends) -> None:
    async with serving(ends) as (_, channel):
        call = ControlStub(channel).Watch(WatchRequest())
        await call.read()
        try:
            async for _ in call:
                pass
        except grpc.aio.UsageError:
            return
    raise AssertionError("one stream was both read and iterated")


async def an_address_without_a_server_is_unavailable(ends: Ends) -> None:
    channel = ends.client.channel(ends.address.rpartition(":")[0] + ":1")
    error = await raised_by(ControlStub(channel).GetNode(GetNodeRequest(), timeout=SOON_S))
    assert isinstance(error, Unavailable)
    await channel.close(None)


async def a_method_nobody_serves_is_told_apart(ends: Ends) -> None:
    servicer = new_servicer()
    server = await ends.server.serve(
        ends.address, lambda server: add_DispatcherServicer_to_server(servicer, server)
    )
    channel = ends.client.channel(server.address)
    assert type(await raised_by(ControlStub(channel).GetNode(GetNodeRequest()))) is WrongState
    await channel.close(None)
    await server.stop(0)


async def an_address_is_served_once(ends: Ends) -> None:
    server = await ends.server.serve(ends.address, lambda _server: None)
    try:
        await ends.server.serve(server.address, lambda _server: None)
    except WrongState:
        return
    finally:
        await server.stop(0)
    raise AssertionError("two servers share an address")


PROMISES: tuple[Promise, ...] = (
    the_server_knows_who_calls,
    metadata_reaches_the_handler,
    an_error_is_the_same_on_both_sides,
    a_bug_is_told_as_a_bug_and_nothing_of_its_inside,
    responses_stream_in_order,
    an_error_ends_a_stream_after_what_came_before_it,
    requests_stream_in_order_and_are_answered_once,
    both_ways_stream_at_once,
    a_handler_may_write_instead_of_yielding,
    a_deadline_ends_a_call_on_both_sides,
    a_caller_that_is_cancelled_cancels_the_handler,
    closing_a_channel_ends_its_calls,
    a_server_that_stops_ends_its_streams,
    reading_and_iterating_one_stream_is_refused,
    an_address_without_a_server_is_unavailable,
    a_method_nobody_serves_is_told_apart,
    an_address_is_served_once,
)
