import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
import structlog

from swarmpy.errors import (
    Conflict,
    DaemonUnreachable,
    InvalidManifest,
    NoLeader,
    NotFound,
    NotLeader,
    PermissionDenied,
    SwarmPyError,
    TimedOut,
    Unavailable,
    WrongState,
    error_classes,
)
from swarmpy.rpc.errors_on_the_wire import DETAILS_KEY, MESSAGE_MAX_CHARS, errors_from_the_wire
from swarmpy.rpc.grpc_transport import serve_local

Call = Callable[[Any], Awaitable[Any]]


@asynccontextmanager
async def raising(path: Path, error: BaseException) -> AsyncIterator[Any]:
    """Yield a channel to a server that raises `error` in all four kinds of call."""

    async def answer(_request: Any, _context: Any) -> bytes:
        raise error

    async def stream(_request: Any, _context: Any) -> AsyncIterator[bytes]:
        yield b"one"
        raise error

    async def silent(_request: Any, _context: Any) -> bytes:
        await asyncio.sleep(60)
        return b""

    handlers = {
        "UnaryUnary": grpc.unary_unary_rpc_method_handler(answer),
        "StreamUnary": grpc.stream_unary_rpc_method_handler(answer),
        "UnaryStream": grpc.unary_stream_rpc_method_handler(stream),
        "StreamStream": grpc.stream_stream_rpc_method_handler(stream),
        "Silent": grpc.unary_unary_rpc_method_handler(silent),
    }

    def register(server: grpc.aio.Server) -> None:
        handler = grpc.method_handlers_generic_handler("test.Raising", handlers)
        server.add_generic_rpc_handlers((handler,))

    server = await serve_local(path, register)
    try:
        async with grpc.aio.insecure_channel(server.address) as channel:
            yield channel
    finally:
        await server.stop(0)


NO_REQUESTS: tuple[bytes, ...] = ()
"""gRPC may lose a refusal that comes in the moment of a write."""


async def unary_unary(channel: Any) -> Any:
    return await channel.unary_unary("/test.Raising/UnaryUnary")(b"")


async def stream_unary(channel: Any) -> Any:
    return await channel.stream_unary("/test.Raising/StreamUnary")(NO_REQUESTS)


async def unary_stream(channel: Any) -> Any:
    return [item async for item in channel.unary_stream("/test.Raising/UnaryStream")(b"")]


async def stream_stream(channel: Any) -> Any:
    call = channel.stream_stream("/test.Raising/StreamStream")(NO_REQUESTS)
    return [item async for item in call]


KINDS = [unary_unary, stream_unary, unary_stream, stream_stream]


@pytest.mark.parametrize("call", KINDS, ids=lambda call: call.__name__)
async def test_an_error_is_the_same_on_both_sides(call: Call, tmp_path: Path) -> None:
    raised = NotLeader("this manager does not lead", remedy="ask it", fields={"leader": "m2:4243"})
    async with raising(tmp_path / "s", raised) as channel:
        with pytest.raises(NotLeader) as caught, errors_from_the_wire():
            await call(channel)
    assert (caught.value.message, caught.value.remedy) == (raised.message, raised.remedy)
    assert caught.value.leader == "m2:4243"


@pytest.mark.parametrize("kind", error_classes().values(), ids=lambda kind: kind.__name__)
async def test_every_class_crosses_the_wire(kind: type[SwarmPyError], tmp_path: Path) -> None:
    async with raising(tmp_path / "s", kind("what ßø happened", remedy="do this")) as channel:
        with pytest.raises(kind, match="what ßø happened") as caught, errors_from_the_wire():
            await unary_unary(channel)
    assert type(caught.value) is kind


async def test_an_error_from_inside_a_task_group_is_still_itself(tmp_path: Path) -> None:
    nested = ExceptionGroup("outer", [ExceptionGroup("inner", [Conflict("it changed")])])
    async with raising(tmp_path / "s", nested) as channel:
        with pytest.raises(Conflict, match="it changed"), errors_from_the_wire():
            await unary_unary(channel)


@pytest.mark.parametrize("call", KINDS, ids=lambda call: call.__name__)
@pytest.mark.parametrize(
    "bug",
    [
        AssertionError("the password is swordfish"),
        ExceptionGroup("two", [KeyError(), NotFound("")]),
    ],
    ids=["alone", "beside an expected error"],
)
async def test_a_bug_tells_the_caller_a_number_and_the_log_everything(
    call: Call, bug: Exception, tmp_path: Path
) -> None:
    with structlog.testing.capture_logs() as logs:
        async with raising(tmp_path / "s", bug) as channel:
            with pytest.raises(SwarmPyError, match="met a bug") as caught, errors_from_the_wire():
                await call(channel)
    assert "swordfish" not in caught.value.message
    assert "request=1" in caught.value.remedy
    [event] = [event for event in logs if event["event"] == "rpc_crashed"]
    assert (event["request"], event["exc_info"]) == (1, bug)


async def test_what_came_before_an_error_in_a_stream_arrives(tmp_path: Path) -> None:
    async with raising(tmp_path / "s", NotFound("gone")) as channel:
        call = channel.unary_stream("/test.Raising/UnaryStream")(b"")
        assert await call.read() == b"one"
        with pytest.raises(NotFound, match="gone"), errors_from_the_wire():
            await call.read()


async def test_any_grpc_tool_can_read_the_details(tmp_path: Path) -> None:
    async with raising(tmp_path / "s", NotFound.named("service", "web")) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await unary_unary(channel)
    trailers: Any = caught.value.trailing_metadata()
    details: bytes = dict(trailers)[DETAILS_KEY]
    # google.rpc.Status, byte by byte: 1: code, 2: message, 3: details as google.protobuf.Any.
    message, type_url = b"no service is named 'web'", b"type.googleapis.com/swarmpy.v1.ErrorDetail"
    assert details.startswith(b"\x08\x05\x12" + bytes([len(message)]) + message + b"\x1a")
    assert b"\x0a" + bytes([len(type_url)]) + type_url in details


async def test_a_very_long_message_is_cut_and_still_arrives(tmp_path: Path) -> None:
    faults = "\n".join(f"shop.yaml:{line}:1 x: ✗ wrong" for line in range(5000))
    async with raising(tmp_path / "s", InvalidManifest(faults)) as channel:
        with pytest.raises(InvalidManifest) as caught, errors_from_the_wire():
            await unary_unary(channel)
    assert caught.value.message.endswith("(cut)")
    assert faults.startswith(caught.value.message[:MESSAGE_MAX_CHARS])


async def test_no_answer_in_time_is_timed_out(tmp_path: Path) -> None:
    async with raising(tmp_path / "s", NoLeader("")) as channel:
        with pytest.raises(TimedOut, match="no answer in time"), errors_from_the_wire():
            await channel.unary_unary("/test.Raising/Silent")(b"", timeout=0.05)


async def test_a_call_that_is_unknown_there_speaks_of_versions(tmp_path: Path) -> None:
    async with raising(tmp_path / "s", NoLeader("")) as channel:
        with pytest.raises(WrongState, match="does not know") as caught, errors_from_the_wire():
            await channel.unary_unary("/test.Raising/Newer")(b"")
    assert "same version" in caught.value.remedy


async def test_no_daemon_behind_the_socket_says_how_to_start_one(tmp_path: Path) -> None:
    async with grpc.aio.insecure_channel(f"unix:{tmp_path}/none") as channel:
        with pytest.raises(DaemonUnreachable) as caught, errors_from_the_wire():
            await unary_unary(channel)
    assert "swarmpy init" in caught.value.remedy


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.UNAVAILABLE, Unavailable),
        (grpc.StatusCode.CANCELLED, Unavailable),
        (grpc.StatusCode.UNAUTHENTICATED, PermissionDenied),
        (grpc.StatusCode.DATA_LOSS, SwarmPyError),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_what_grpc_itself_says_has_a_class_too(
    code: grpc.StatusCode, kind: type[SwarmPyError]
) -> None:
    nothing = grpc.aio.Metadata()
    with pytest.raises(kind, match="it said") as caught, errors_from_the_wire():
        raise grpc.aio.AioRpcError(code, nothing, nothing, details="it said", debug_error_string="")
    assert type(caught.value) is kind


def test_a_stream_that_broke_off_in_a_write_may_be_tried_again() -> None:
    nothing = grpc.aio.Metadata()
    code, said = grpc.StatusCode.INTERNAL, "Internal error from Core"
    with pytest.raises(Unavailable, match="ended the call"), errors_from_the_wire():
        raise grpc.aio.AioRpcError(code, nothing, nothing, details=said, debug_error_string="")
