"""gRPC over the memory network: generated stubs and servicers work on it unchanged.

Each call is a connection of its own. It dies with its network, and it carries who calls, as
a certificate would.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Self, cast

import grpc

from swarmpy.errors import WrongState
from swarmpy.rpc.errors_on_the_wire import ErrorsOnTheWire
from swarmpy.rpc.peer import Peer
from swarmpy.seams import RpcServer
from swarmpy.testing.connection import Socket
from swarmpy.testing.memory_network import ConnectFailed, MemoryNetwork
from swarmpy.testing.rpc_call import Call, Method
from swarmpy.testing.rpc_frames import Begin, pairs
from swarmpy.testing.rpc_server import MemoryServer

GRPC_CONNECT_S = 20.0
"""How long gRPC tries to reach a host that does not answer."""


class MemoryTransport:
    """Implements `seams.Transport` for one host."""

    def __init__(self, network: MemoryNetwork, host: str, identity: Callable[[], Peer]) -> None:
        """`identity` is asked at every call: a node may get another role."""
        self._network = network
        self._host = host
        self._identity = identity

    def channel(self, address: str) -> grpc.aio.Channel:
        channel = MemoryChannel(self._network, self._host, address, self._identity)
        return cast("grpc.aio.Channel", channel)

    async def serve(self, address: str, register: Callable[[grpc.aio.Server], None]) -> RpcServer:
        server = MemoryServer([ErrorsOnTheWire()])
        register(cast("grpc.aio.Server", server))
        try:
            close = self._network.listen(address, server.accept)
        except OSError as error:
            raise WrongState(
                f"cannot listen on {address}",
                remedy="choose another address, or stop the program that uses it",
            ) from error
        return _Listening(server, address, close)


class _Listening:
    """Implements `seams.RpcServer`."""

    def __init__(self, server: MemoryServer, address: str, close: Callable[[], None]) -> None:
        self._server = server
        self._address = address
        self._close = close

    @property
    def address(self) -> str:
        return self._address

    async def stop(self, grace_s: float) -> None:
        self._close()
        await self._server.stop(grace_s)


class MemoryChannel:
    """Stands where generated stubs want a grpc.aio.Channel."""

    def __init__(
        self, network: MemoryNetwork, host: str, address: str, identity: Callable[[], Peer]
    ) -> None:
        self._network = network
        self._host = host
        self._address = address
        self._identity = identity
        self._calls: dict[Call, None] = {}
        self._closed = False
        self._state = grpc.ChannelConnectivity.IDLE
        self._state_changed = asyncio.Event()
        self._probe: asyncio.Task[None] | None = None

    def unary_unary(self, path: str, *serializers: Any, **options: Any) -> Callable[..., Any]:
        return self._caller(path, (False, False), *serializers, **options)

    def unary_stream(self, path: str, *serializers: Any, **options: Any) -> Callable[..., Any]:
        return self._caller(path, (False, True), *serializers, **options)

    def stream_unary(self, path: str, *serializers: Any, **options: Any) -> Callable[..., Any]:
        return self._caller(path, (True, False), *serializers, **options)

    def stream_stream(self, path: str, *serializers: Any, **options: Any) -> Callable[..., Any]:
        return self._caller(path, (True, True), *serializers, **options)

    async def close(self, grace: float | None = None) -> None:
        """Cancel every call under way, after the grace if there is one."""
        if self._calls and grace:
            await asyncio.sleep(grace)
        self._closed = True
        for call in list(self._calls):
            call.cancel()
        if self._probe is not None:
            self._probe.cancel()
        self._move_to(grpc.ChannelConnectivity.SHUTDOWN)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    # --- is somebody there?

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """Return how it stood when it was last tried; each question after a failure tries anew."""
        state = self._state
        if try_to_connect and state is grpc.ChannelConnectivity.IDLE:
            self._move_to(grpc.ChannelConnectivity.CONNECTING)
            self._probe = asyncio.get_running_loop().create_task(self._try())
        elif state is grpc.ChannelConnectivity.TRANSIENT_FAILURE:
            self._state = grpc.ChannelConnectivity.IDLE
        return state

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        while self._state is last_observed_state:
            self._state_changed.clear()
            await self._state_changed.wait()

    async def channel_ready(self) -> None:
        """Return once the server answers; try for as long as it takes."""
        while (state := self.get_state(try_to_connect=True)) is not grpc.ChannelConnectivity.READY:
            if state is grpc.ChannelConnectivity.TRANSIENT_FAILURE:
                await asyncio.sleep(1.0)
            else:
                await self.wait_for_state_change(state)

    async def _try(self) -> None:
        try:
            socket = await self._connect()
        except ConnectFailed:
            self._move_to(grpc.ChannelConnectivity.TRANSIENT_FAILURE)
        else:
            socket.close()
            self._move_to(grpc.ChannelConnectivity.READY)

    async def _connect(self) -> Socket:
        return await self._network.connect(self._host, self._address, GRPC_CONNECT_S)

    def _move_to(self, state: grpc.ChannelConnectivity) -> None:
        self._state = state
        self._state_changed.set()

    # --- calls

    def _caller(
        self,
        path: str,
        streams: tuple[bool, bool],
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
        **_options: Any,
    ) -> Callable[..., Any]:
        method = Method(request_serializer or _same, response_deserializer or _same, *streams)

        def call(
            request: Any = None,
            *,
            timeout: float | None = None,
            metadata: Any = None,
            **_call_options: Any,
        ) -> Call:
            if self._closed:
                raise grpc.aio.UsageError("Channel is closed.")
            made = Call(
                method,
                Begin(path, pairs(metadata), self._identity(), timeout),
                self._connect,
            )
            self._calls[made] = None
            made.add_done_callback(lambda _: self._calls.pop(made, None))
            if request is not None:
                made.feed(request)
            return made

        return call


def _same(data: bytes) -> bytes:
    return data
