"""gRPC between nodes: mutual TLS 1.3, and certificates that are renewed while it runs."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

import grpc
from grpc_health.v1 import health, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection

from swarmpy.errors import WrongState
from swarmpy.pb import control_pb2, dispatcher_pb2
from swarmpy.rpc.address import SOCKET_PATH_MAX_BYTES
from swarmpy.rpc.errors_on_the_wire import ErrorsOnTheWire
from swarmpy.security.certificates import MANAGER_NAME, NodeIdentity

REQUEST_MAX_BYTES: Final = 4 * 1024 * 1024
"""The largest request, a stack, comes from a manifest of at most 1 MiB with its configs. The
bound keeps a caller from filling our memory."""
ANSWER_MAX_BYTES: Final = 64 * 1024 * 1024
"""Answers are ours, and may hold a whole swarm: 20,000 tasks of 2 KiB and more."""
METADATA_MAX_BYTES: Final = 64 * 1024
"""Errors travel in metadata. gRPC's own bound, 8 KiB, is less than a long message takes."""
CALLS_MAX: Final = 4096
"""At once on one server; every agent keeps one open."""

_METADATA: Final[list[tuple[str, int]]] = [
    ("grpc.max_metadata_size", METADATA_MAX_BYTES),
    ("grpc.absolute_max_metadata_size", METADATA_MAX_BYTES),
]
_KEEPALIVE: Final[list[tuple[str, int]]] = [
    # A host that loses power says no goodbye: 10 + 5 s later its connections are given up.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
]
_CHANNEL: Final[list[tuple[str, int]]] = [
    ("grpc.max_send_message_length", REQUEST_MAX_BYTES),
    ("grpc.max_receive_message_length", ANSWER_MAX_BYTES),
    *_METADATA,
    *_KEEPALIVE,
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.use_local_subchannel_pool", 1),  # a new channel shakes hands with the new certificate
    ("grpc.enable_http_proxy", 0),  # nodes reach each other directly
]
_SERVER: Final[list[tuple[str, int]]] = [
    ("grpc.max_receive_message_length", REQUEST_MAX_BYTES),
    ("grpc.max_send_message_length", ANSWER_MAX_BYTES),
    *_METADATA,
    *_KEEPALIVE,
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
    ("grpc.so_reuseport", 0),  # otherwise two daemons share a port and nobody notices
]

_SERVED: Final = [
    control_pb2.DESCRIPTOR.services_by_name["Control"].full_name,
    dispatcher_pb2.DESCRIPTOR.services_by_name["Dispatcher"].full_name,
]

Register = Callable[[grpc.aio.Server], None]


class GrpcServer:
    """A server that answers; `stop` ends it."""

    def __init__(self, server: grpc.aio.Server, address: str, healthy: HealthServicer) -> None:
        self._server = server
        self._address = address
        self._healthy = healthy

    @property
    def address(self) -> str:
        """host:port, or unix:/path."""
        return self._address

    async def stop(self, grace_s: float) -> None:
        """Say that it goes, take no new calls, and end those that last longer than the grace."""
        await self._healthy.enter_graceful_shutdown()
        await self._server.stop(grace_s)


class GrpcTransport:
    """seams.Transport over real sockets. `identity` is asked again at every handshake."""

    def __init__(self, identity: Callable[[], NodeIdentity]) -> None:
        self._identity = identity

    def channel(self, address: str) -> grpc.aio.Channel:
        """Return a channel to a manager; nobody without a manager's certificate is talked to.

        It keeps the certificate of now: make a new channel for each session.
        """
        identity = self._identity()
        credentials = grpc.ssl_channel_credentials(
            identity.ca_certificate_pem, identity.key_pem, identity.certificate_pem
        )
        options = [*_CHANNEL, ("grpc.ssl_target_name_override", MANAGER_NAME)]
        return grpc.aio.secure_channel(address, credentials, options=options)

    async def serve(self, address: str, register: Register) -> GrpcServer:
        """Serve what `register` adds, health and reflection, to nodes of the swarm.

        Raises:
            WrongState: the address is taken, or not this machine's.
        """
        server, healthy = _server(register)
        try:
            port = server.add_secure_port(address, self._server_credentials())
        except RuntimeError as error:
            raise WrongState(
                f"cannot listen on {address}",
                remedy="choose another address, or stop the program that uses it",
            ) from error
        await server.start()
        return GrpcServer(server, f"{address.rpartition(':')[0]}:{port}", healthy)

    def _server_credentials(self) -> grpc.ServerCredentials:
        shown = self._identity()

        def newer() -> grpc.ServerCertificateConfiguration | None:
            # gRPC asks at every handshake, from a thread of its own; None keeps what it has.
            nonlocal shown
            current = self._identity()
            if current == shown:
                return None
            shown = current
            return _certificates(current)

        return grpc.dynamic_ssl_server_credentials(
            _certificates(shown),
            newer,  # type: ignore[arg-type]  # the stubs do not know that None is an answer
            require_client_authentication=True,
        )


async def serve_local(path: Path, register: Register) -> GrpcServer:
    """Serve on a socket file (mode 0600) to whoever may open it.

    Raises:
        WrongState: somebody serves there already, or the path is too long.
    """
    if len(os.fsencode(path)) > SOCKET_PATH_MAX_BYTES:
        raise WrongState(
            f"{path} is too long for a socket's path",
            remedy=f"choose a state directory of fewer than {SOCKET_PATH_MAX_BYTES} characters",
        )
    if answers(path):
        raise WrongState(
            f"a swarmpy daemon serves {path} already",
            remedy="use it, or stop it first; another node needs a state directory of its own",
        )
    server, healthy = _server(register)
    # The file must never be open to others, not even between its making and a chmod.
    before = os.umask(0o177)
    try:
        server.add_insecure_port(f"unix:{path}")
    except RuntimeError as error:
        raise WrongState(
            f"cannot listen on {path}", remedy="check that its directory exists and is writable"
        ) from error
    finally:
        os.umask(before)
    await server.start()
    return GrpcServer(server, f"unix:{path}", healthy)


def _server(register: Register) -> tuple[grpc.aio.Server, HealthServicer]:
    server = grpc.aio.server(
        interceptors=[ErrorsOnTheWire()], options=_SERVER, maximum_concurrent_rpcs=CALLS_MAX
    )
    register(server)
    healthy = HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
    reflection.enable_server_reflection(
        [*_SERVED, health.SERVICE_NAME, reflection.SERVICE_NAME], server
    )
    return server, healthy


def _certificates(identity: NodeIdentity) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration(
        [(identity.key_pem, identity.certificate_pem)], identity.ca_certificate_pem
    )


def answers(path: Path) -> bool:
    """Return whether somebody listens on a socket file; a stale one, or none, does not."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(os.fspath(path))
        except OSError:
            return False
    return True
