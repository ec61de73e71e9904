"""The server's end of calls in memory: takes grpc.aio's servicers and interceptors as they are."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, NamedTuple

import grpc

from swarmpy.testing.connection import Socket
from swarmpy.testing.rpc_context import CallContext
from swarmpy.testing.rpc_frames import Begin, Frame, Message, Metadata, NoMoreRequests, Status

UNKNOWN_METHOD = Status(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")
STOPPED = Status(grpc.StatusCode.UNAVAILABLE, "the server stopped")


class CallDetails(NamedTuple):
    """What interceptors may know before a call begins."""

    method: str
    invocation_metadata: Metadata


class MemoryServer:
    """Stands where `add_...Servicer_to_server` wants a grpc.aio.Server."""

    def __init__(self, interceptors: Sequence[grpc.aio.ServerInterceptor[Any, Any]]) -> None:
        self._interceptors = interceptors
        self._handlers: list[grpc.GenericRpcHandler[Any, Any]] = []
        self._calls: dict[asyncio.Task[None], None] = {}
        self.stopping = False

    def add_generic_rpc_handlers(
        self, handlers: Sequence[grpc.GenericRpcHandler[Any, Any]]
    ) -> None:
        self._handlers.extend(handlers)

    def add_registered_method_handlers(self, _service: str, _handlers: Any) -> None:
        """Do nothing: generated code adds the same handlers as generic ones too."""

    def accept(self, socket: Socket) -> None:
        """Answer the call that a new connection is made for."""

        def on_begin(frame: Frame) -> None:
            assert isinstance(frame, Begin), f"a call does not begin with {frame}"
            context = CallContext(frame, socket)
            task = asyncio.get_running_loop().create_task(self._serve(frame, context, socket))
            self._calls[task] = None
            task.add_done_callback(lambda _: self._calls.pop(task, None))
            socket.on_message = functools.partial(_feed, context)
            socket.on_close = functools.partial(_caller_gone, context, task)

        socket.on_message = on_begin

    async def stop(self, grace_s: float) -> None:
        """Let calls end within the grace, then cancel them."""
        self.stopping = True
        if self._calls and grace_s > 0:
            await asyncio.wait(list(self._calls), timeout=grace_s)
        calls = list(self._calls)
        for call in calls:
            call.cancel()
        if calls:
            await asyncio.wait(calls)

    async def _serve(self, begin: Begin, context: CallContext, socket: Socket) -> None:
        status = STOPPED
        try:
            status = await self._answer(begin, context)
        except grpc.aio.AbortError:
            status = context.aborted_with()
        except asyncio.CancelledError:
            # The caller went, or this server stops: what the handler says now nobody hears.
            return
        except Exception as error:  # noqa: BLE001 - the shell around handlers, as gRPC has one
            status = Status(grpc.StatusCode.UNKNOWN, f"Unexpected {type(error)}: {error}")
            self._tell_of_bug(begin, error)
        finally:
            context.finish()
            socket.send(status)
            socket.close()

    async def _answer(self, begin: Begin, context: CallContext) -> Status:
        find: Callable[[Any], Awaitable[Any]] = self._find
        for interceptor in reversed(self._interceptors):
            find = functools.partial(interceptor.intercept_service, find)
        handler = await find(CallDetails(begin.method, begin.metadata))
        if handler is None:
            return UNKNOWN_METHOD
        context.use(handler)
        request: Any = context.requests()
        if not handler.request_streaming:
            request = await context.read()
        await _respond(handler, request, context)
        return context.ended_with()

    async def _find(self, details: Any) -> Any:
        for handlers in self._handlers:
            if (handler := handlers.service(details)) is not None:
                return handler
        return None

    @staticmethod
    def _tell_of_bug(begin: Begin, error: Exception) -> None:
        asyncio.get_running_loop().call_exception_handler(
            {"message": f"{begin.method} raised", "exception": error}
        )


async def _respond(handler: Any, request: Any, context: CallContext) -> None:
    asks = "stream" if handler.request_streaming else "unary"
    answers = "stream" if handler.response_streaming else "unary"
    behaviour = getattr(handler, f"{asks}_{answers}")
    result = behaviour(request, context)
    if inspect.isasyncgen(result):
        await _write_all(result, context)
        return
    response = await result
    if not handler.response_streaming:
        await context.write(response)


async def _write_all(responses: AsyncIterator[Any], context: CallContext) -> None:
    async for response in responses:
        await context.write(response)


def _feed(context: CallContext, frame: Frame) -> None:
    match frame:
        case Message():
            context.inbox.put(frame)
        case NoMoreRequests():
            context.inbox.end()
        case _:
            raise AssertionError(f"a client does not say {frame}")


def _caller_gone(context: CallContext, task: asyncio.Task[None]) -> None:
    context.inbox.end(forget=True)
    context.gone = True
    task.cancel()
