"""The one port that nodes reach each other by: TLS 1.3, and ALPN says what is spoken.

Raft needs a certificate of the swarm's authority; joining cannot have one yet. Both share a
port, so that a firewall has one hole and `swarmpy join` needs one address.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import structlog
from cryptography import x509

from swarmpy.errors import SwarmPyError, WrongState
from swarmpy.rpc.address import join_address, split_address
from swarmpy.rpc.dial import hang_up, open_tls, without_delay
from swarmpy.rpc.peer import Peer, peer_of_certificate
from swarmpy.rpc.tls_transport import TlsTransport, shake_hands
from swarmpy.security.certificates import NodeIdentity, node_name
from swarmpy.security.tls_context import client_context, server_context
from swarmpy.task_group import TaskGroup

log = structlog.get_logger()

RAFT_PROTOCOL: Final = "swarmpy-raft/1"
JOIN_PROTOCOL: Final = "swarmpy-join/1"
HANDSHAKE_TIMEOUT_S: Final = 5.0
ACCEPT_PAUSE_S: Final = 0.1
CONNECTIONS_MAX: Final = 512
"""At once; more are refused before any cryptography is done for them."""
STRANGERS_MAX: Final = 64
"""Of these, how many may be without a certificate or still shaking hands: whoever floods the
port with joins must not keep managers from each other."""
STRANGER_TIMEOUT_S: Final = 60.0
"""Twice what a join may take."""

Handler: TypeAlias = Callable[[asyncio.Transport, Peer | None], Awaitable[None]]
"""Serves one connection, which does not read before it is told to (`streams.on_streams` makes
streams of it). When it returns or raises, the connection is closed. The peer is None for callers
without a certificate."""


@dataclass(frozen=True, slots=True)
class _Protocol:
    handler: Handler
    needs_certificate: bool


class ClusterPort:
    """Listens and dials. `bind`, then `run` in a task of its owner's TaskGroup, then `close`."""

    def __init__(self, identity: Callable[[], NodeIdentity]) -> None:
        self._identity = identity
        self._protocols: dict[str, _Protocol] = {}
        self._listener: socket.socket | None = None
        self._context: tuple[NodeIdentity, int, ssl.SSLContext] | None = None
        self._connections = 0
        self._strangers = 0

    def register(self, protocol: str, handler: Handler, *, needs_certificate: bool = True) -> None:
        """Say who serves a protocol. May be called while the port is open."""
        assert protocol not in self._protocols, f"{protocol} is served already"
        self._protocols[protocol] = _Protocol(handler, needs_certificate)

    def bind(self, address: str) -> str:
        """Open the port and return its address; connections wait until `run`.

        Raises:
            WrongState: the address is taken, or not this machine's.
        """
        host, port = split_address(address)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._listener = socket.create_server(
                (host, port), family=family, backlog=128, dualstack_ipv6=host == "::"
            )
        except OSError as error:
            raise WrongState(
                f"cannot listen on {address}: {error.strerror}",
                remedy="choose another address, or stop the program that uses it",
            ) from error
        self._listener.setblocking(False)
        return join_address(host, self._listener.getsockname()[1])

    async def run(self) -> None:
        """Serve until cancelled; then every connection is closed."""
        assert self._listener is not None, "bind() comes first"
        untaken: set[socket.socket] = set()
        try:
            async with TaskGroup() as connections:
                while True:
                    sock = await self._accept(self._listener)
                    if sock is None:
                        continue
                    untaken.add(sock)
                    connections.create_task(self._serve(sock, untaken))
        finally:
            for sock in untaken:  # accepted, but cancelled before their task took them
                sock.close()

    async def _accept(self, listener: socket.socket) -> socket.socket | None:
        try:
            sock, _ = await asyncio.get_running_loop().sock_accept(listener)
        except OSError as error:  # out of file descriptors, most likely
            log.warning("cluster_port_accept_failed", error=str(error))
            await asyncio.sleep(ACCEPT_PAUSE_S)
            return None
        if self._connections >= CONNECTIONS_MAX or self._strangers >= STRANGERS_MAX:
            sock.close()
            return None
        without_delay(sock)
        # Counted here: their tasks begin later, and a flood would slip in between.
        self._connections += 1
        self._strangers += 1
        return sock

    def close(self) -> None:
        """Give the port back. Nothing happens when it is not open."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def dial(self, address: str, protocol: str, expected_node_id: str) -> TlsTransport:
        """Connect to a node of the swarm; `hang_up` in the end.

        Raises:
            Unavailable: nobody answers there, or not the node that was expected.
        """
        context = client_context(self._identity(), protocol)
        return await open_tls(address, context, protocol, node_name(expected_node_id))

    async def _serve(self, sock: socket.socket, untaken: set[socket.socket]) -> None:
        untaken.discard(sock)
        known = False
        try:
            transport = await self._shake_hands(sock)
            if transport is None:
                return
            try:
                protocol, peer = self._agreed(transport)
                known = peer is not None
                self._strangers -= known
                async with asyncio.timeout(None if known else STRANGER_TIMEOUT_S):
                    await protocol.handler(transport, peer)
            finally:
                await hang_up(transport)
        except (SwarmPyError, OSError, asyncio.IncompleteReadError) as error:
            log.info("cluster_connection_failed", error=str(error) or type(error).__name__)
        except Exception:  # a bug met by one connection must not end the others
            log.exception("cluster_connection_crashed")
        finally:
            self._connections -= 1
            self._strangers -= not known

    async def _shake_hands(self, sock: socket.socket) -> TlsTransport | None:
        try:
            async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
                return await shake_hands(sock, self._server_context(), server_side=True)
        except OSError as error:
            log.info("cluster_handshake_failed", error=str(error) or type(error).__name__)
            return None

    def _agreed(self, transport: TlsTransport) -> tuple[_Protocol, Peer | None]:
        tls: ssl.SSLObject = transport.get_extra_info("ssl_object")
        name = tls.selected_alpn_protocol()
        protocol = self._protocols.get(name or "")
        if protocol is None:
            raise WrongState("the caller speaks no protocol that is served here")
        der = tls.getpeercert(binary_form=True)
        peer = peer_of_certificate(x509.load_der_x509_certificate(der)) if der else None
        if protocol.needs_certificate and peer is None:
            raise WrongState(f"the caller of {name} shows no certificate")
        return protocol, peer

    def _server_context(self) -> ssl.SSLContext:
        """Return a context of the newest certificate and every protocol registered so far."""
        identity, served = self._identity(), len(self._protocols)
        if self._context is None or self._context[:2] != (identity, served):
            self._context = (identity, served, server_context(identity, self._protocols))
        return self._context[2]
