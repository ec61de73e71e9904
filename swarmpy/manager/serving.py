"""Puts plain methods behind a gRPC service, by name: ListNodes is `list_nodes`.

unary answer     async def list_nodes(self, request) -> ListNodesResponse
streamed answer  async def watch(self, request, send) -> None

A streamed request is an async iterator instead. `send` returns when gRPC has room again, so
a slow caller holds back whoever feeds it. Methods of a service that is for nodes get the
calling `Peer` before the request.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from swarmpy.errors import Unavailable
from swarmpy.rpc.peer import Peer

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]
Send: TypeAlias = Callable[[Any], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Method:
    """One method of a service and the function that answers it."""

    path: str
    """"/swarmpy.v1.Control/ListNodes"."""
    request: type[Message]
    streams_request: bool
    streams_answer: bool
    answer: Callable[..., Awaitable[Any]]

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def only_reads(self) -> bool:
        """Calling it twice does no more than calling it once."""
        return self.name.startswith(("Get", "List", "Explain", "Watch", "Logs"))


Behaviour: TypeAlias = Callable[..., Awaitable[Any]]
"""(request or iterator of requests, context) -> response, or None after writing them all."""


def methods(service: ServiceDescriptor, parts: Iterable[object]) -> list[Method]:
    """Return every method of `service`, each answered by the one part that has it."""
    parts = list(parts)
    return [_method(service, method, parts) for method in service.methods]


def _method(service: ServiceDescriptor, method: MethodDescriptor, parts: list[object]) -> Method:
    name = snake(method.name)
    answers = [getattr(part, name) for part in parts if hasattr(part, name)]
    assert len(answers) == 1, f"{len(answers)} parts answer {method.full_name}"
    return Method(
        path=f"/{service.full_name}/{method.name}",
        request=GetMessageClass(method.input_type),
        streams_request=method.client_streaming,
        streams_answer=method.server_streaming,
        answer=answers[0],
    )


def snake(name: str) -> str:
    """Return "list_nodes" for "ListNodes"."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def add_to_server(
    server: grpc.aio.Server,
    service: ServiceDescriptor,
    served: Iterable[Method],
    behaviour_of: Callable[[Method], Behaviour],
) -> None:
    """Serve `served`. Behaviours take and give bytes: they know best what these are."""
    handlers = {method.name: _handler(method, behaviour_of(method)) for method in served}
    generic = grpc.method_handlers_generic_handler(service.full_name, handlers)
    server.add_generic_rpc_handlers((generic,))


def _handler(method: Method, behaviour: Behaviour) -> grpc.RpcMethodHandler[Any, Any]:
    make = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }[method.streams_request, method.streams_answer]
    return make(behaviour)


class Ground(Protocol):
    """What streams stand on that only the leader can serve; it goes when leadership does."""

    def held(self) -> AbstractAsyncContextManager[None]: ...


async def answer_on(
    ground: Ground, method: Method, request: Any, send: Send, *who: Peer
) -> bytes | None:
    """Let the method's own function answer; bytes in, bytes out.

    A stream ends when its ground goes. A single call goes on to its end: only the log knows
    whether what it wrote was agreed on.
    """
    if not method.streams_request and not method.streams_answer:
        return await _answer(method, request, send, *who)
    async with ground.held():
        return await _answer(method, request, send, *who)


async def _answer(method: Method, request: Any, send: Send, *who: Peer) -> bytes | None:
    read = method.request.FromString
    wanted = _read_all(request, read) if method.streams_request else read(request)
    if method.streams_answer:
        await method.answer(*who, wanted, send)
        return None
    answer: Message = await method.answer(*who, wanted)
    return answer.SerializeToString()


class Caller:
    """The end of a call that is answered with a stream."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.was_answered = False

    async def send(self, message: Message | bytes) -> None:
        """Write one answer. Raises Unavailable when the caller is gone."""
        data = message if isinstance(message, bytes) else message.SerializeToString()
        self.was_answered = True
        try:
            await self._context.write(data)
        except grpc.aio.BaseError as error:
            raise Unavailable("the caller hung up") from error


async def _read_all(
    requests: AsyncIterator[bytes], read: Callable[[bytes], Message]
) -> AsyncIterator[Message]:
    try:
        async for request in requests:
            yield read(request)
    except grpc.aio.BaseError as error:
        raise Unavailable("the caller hung up") from error
