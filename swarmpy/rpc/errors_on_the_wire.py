"""Carries errors across gRPC: what a handler raises is raised again at the caller, same class.

A SwarmPyError becomes a gRPC status with an ErrorDetail in `grpc-status-details-bin`. Anything
else is a bug: the caller learns a request number, the log has the traceback beside it.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import Any, Final, NoReturn

import grpc
import structlog
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError

from swarmpy.errors import (
    DaemonUnreachable,
    InvalidInput,
    PermissionDenied,
    SwarmPyError,
    TimedOut,
    Unavailable,
    WrongState,
    error_classes,
)
from swarmpy.observe.metrics import RPCS_SERVED
from swarmpy.pb.errors_pb2 import ErrorDetail, Status

log = structlog.get_logger()

DETAILS_KEY: Final = "grpc-status-details-bin"
MESSAGE_MAX_CHARS: Final = 8000
"""Errors travel in HTTP/2 trailers, which gRPC bounds; see METADATA_MAX_BYTES."""
SUMMARY_MAX_CHARS: Final = 200
"""Of the plain status message, which only tools that know no details show."""
BROKEN_OFF: Final = "Internal error from Core"
"""What grpc.aio says when a stream is refused in the moment of a write: the status that came
with the refusal is lost, so all that is known is that trying again may help."""

_CLASS_OF_STATUS: Final[dict[grpc.StatusCode, type[SwarmPyError]]] = {
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.CANCELLED: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: TimedOut,
    grpc.StatusCode.UNAUTHENTICATED: PermissionDenied,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDenied,
    grpc.StatusCode.UNIMPLEMENTED: WrongState,
    grpc.StatusCode.RESOURCE_EXHAUSTED: InvalidInput,
}
"""For statuses without details: gRPC itself made them."""


# --- the answering side


class ErrorsOnTheWire(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # stubs only
    """Goes around every handler of a server."""

    def __init__(self) -> None:
        self._requests = itertools.count(1)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        kind = _kind_of(handler)
        guarded = self._guard(str(handler_call_details.method), getattr(handler, kind))
        return getattr(grpc, f"{kind}_rpc_method_handler")(
            guarded, handler.request_deserializer, handler.response_serializer
        )

    def _guard(self, method: str, behaviour: Callable[..., Any]) -> Callable[..., Any]:
        """Return `behaviour` with its errors converted; gRPC wants generators to stay such."""

        async def answer(request: Any, context: Any) -> Any:
            try:
                result = await behaviour(request, context)
            except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets a status
                await self._abort(method, context, error)
            else:
                RPCS_SERVED.labels(method, "OK").inc()
                return result

        async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
            try:
                async with aclosing(behaviour(request, context)) as results:
                    async for result in results:
                        yield result
            except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets a status
                await self._abort(method, context, error)
            else:
                RPCS_SERVED.labels(method, "OK").inc()

        return stream if inspect.isasyncgenfunction(behaviour) else answer

    async def _abort(self, method: str, context: Any, error: Exception) -> NoReturn:
        if isinstance(error, grpc.aio.AbortError):
            raise error
        expected = _expected(error)
        if expected is None:
            number = next(self._requests)
            log.error("rpc_crashed", method=method, request=number, exc_info=error)
            expected = SwarmPyError(
                f"the node met a bug of its own while it answered {method} (request {number})",
                remedy=f"look for rpc_crashed request={number} in its log, and report it",
            )
        code = grpc.StatusCode[expected.grpc_status]
        RPCS_SERVED.labels(method, code.name).inc()
        summary = expected.message[:SUMMARY_MAX_CHARS]
        await context.abort(code, summary, ((DETAILS_KEY, _details(code, summary, expected)),))
        raise AssertionError("abort always raises")


def _kind_of(handler: Any) -> str:
    asks = "stream" if handler.request_streaming else "unary"
    answers = "stream" if handler.response_streaming else "unary"
    return f"{asks}_{answers}"


def _expected(error: Exception) -> SwarmPyError | None:
    """Return the SwarmPyError that `error` is, or that a TaskGroup made a group of."""
    if isinstance(error, SwarmPyError):
        return error
    if isinstance(error, ExceptionGroup):
        parts = [_expected(part) for part in error.exceptions]
        if all(parts):
            return parts[0]
    return None


def _details(code: grpc.StatusCode, summary: str, error: SwarmPyError) -> bytes:
    message = error.message
    if len(message) > MESSAGE_MAX_CHARS:
        message = message[:MESSAGE_MAX_CHARS] + " … (cut)"
    detail = ErrorDetail(
        error=type(error).__name__, message=message, remedy=error.remedy, fields=error.fields
    )
    packed = AnyMessage()
    packed.Pack(detail)
    return Status(code=code.value[0], message=summary, details=[packed]).SerializeToString()


# --- the calling side


@contextmanager
def errors_from_the_wire() -> Iterator[None]:
    """Raise what the other side raised, instead of gRPC's errors, within a block."""
    try:
        yield
    except grpc.RpcError as error:
        raise_from(error)


def raise_from(error: grpc.RpcError) -> NoReturn:
    """Raise `error_of(error)`."""
    raise error_of(error) from error


def error_of(error: grpc.RpcError) -> SwarmPyError:
    """Return the error that the other side raised, or what it means that gRPC failed."""
    assert isinstance(error, grpc.aio.AioRpcError), f"not an error of a call: {error!r}"
    detail = _detail_of(error)
    if detail is None:
        return _transport_failure(error)
    kind = error_classes().get(detail.error, _CLASS_OF_STATUS.get(error.code(), SwarmPyError))
    return kind(detail.message, remedy=detail.remedy, fields=detail.fields)


def _detail_of(error: grpc.aio.AioRpcError) -> ErrorDetail | None:
    trailers: Any = error.trailing_metadata() or ()
    for key, value in trailers:
        if key == DETAILS_KEY:
            try:
                status = Status.FromString(value)
            except DecodeError:
                return None
            detail = ErrorDetail()
            if any(packed.Unpack(detail) for packed in status.details):
                return detail
    return None


def _transport_failure(error: grpc.aio.AioRpcError) -> SwarmPyError:
    said = error.details() or error.code().name
    match error.code():
        case grpc.StatusCode.UNAVAILABLE if "unix:" in said:
            return DaemonUnreachable(
                "no swarmpy daemon answers on this machine",
                remedy="start one with swarmpy init or swarmpy join; swarmpy doctor looks closer",
            )
        case grpc.StatusCode.UNIMPLEMENTED:
            return WrongState(
                f"the node that answers does not know this call: {said}",
                remedy="run the same version of swarmpy on both sides (swarmpy version)",
            )
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return TimedOut("no answer in time", remedy="try again, or give it a longer --timeout")
        case grpc.StatusCode.INTERNAL if said == BROKEN_OFF:
            return Unavailable("the other side ended the call while this one was still sending")
        case code:
            return _CLASS_OF_STATUS.get(code, SwarmPyError)(said)
