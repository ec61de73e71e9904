"""Answers nodes that have no certificate yet, on the cluster port ("swarmpy-join/1").

joiner                          manager
  <── JoinOffer (CA certificate)    the joiner compares it with its token's digest,
  ──> JoinRequest (token, CSR)      and only then shows its secret
  <── JoinResponse                  a certificate, or why not
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine
from typing import Any, Protocol, TypeVar

import grpc
import structlog

from swarmpy.errors import NoLeader, PermissionDenied, SwarmPyError, Unavailable
from swarmpy.manager.enroll import Enrollment
from swarmpy.manager.seat import Seat
from swarmpy.pb.dispatcher_pb2_grpc import DispatcherStub
from swarmpy.pb.join_pb2 import JoinOffer, JoinRequest, JoinResponse
from swarmpy.rpc.errors_on_the_wire import errors_from_the_wire
from swarmpy.rpc.frames import read_frame, write_frame
from swarmpy.rpc.peer import Peer
from swarmpy.seams import Clock, Transport

log = structlog.get_logger()

T = TypeVar("T")

FAILURES_ALLOWED = 5
FAILURES_FORGOTTEN_S = 60.0
HOSTS_REMEMBERED = 1024


class FailedJoins:
    """Counts failed joins per host; five within a minute make it wait."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def note(self, host: str) -> None:
        """Count one more failure of `host`."""
        self._failures[host] = [*self._recent(host), self._clock.monotonic()]
        self._failures.move_to_end(host)
        if len(self._failures) > HOSTS_REMEMBERED:
            self._failures.popitem(last=False)

    def check(self, host: str) -> None:
        """Raise PermissionDenied while `host` has failed too often."""
        if len(self._recent(host)) >= FAILURES_ALLOWED:
            raise PermissionDenied(
                f"{FAILURES_ALLOWED} joins from {host} were refused within a minute",
                remedy="wait a minute, then join with a token that is good",
            )

    def _recent(self, host: str) -> list[float]:
        since = self._clock.monotonic() - FAILURES_FORGOTTEN_S
        return [at for at in self._failures.get(host, ()) if at > since]


class AtHome(Protocol):
    """Awaits work on the loop that the store lives on."""

    async def __call__(self, work: Coroutine[Any, Any, T], /) -> T: ...


async def here(work: Coroutine[Any, Any, T]) -> T:
    """Await work where it is: the port is served by the store's own loop."""
    return await work


class JoinServer:
    """Serves joins on every manager; one that does not lead asks the leader."""

    def __init__(self, seat: Seat, transport: Transport, at_home: AtHome = here) -> None:
        """`handle` may run on another loop than the store's; then `at_home` leads back to it."""
        self._seat = seat
        self._transport = transport
        self._at_home = at_home
        self._failed = FailedJoins(seat.clock)

    async def handle(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _peer: Peer | None
    ) -> None:
        """Serve one connection. Its caller closes it.

        Raises:
            OSError, asyncio.IncompleteReadError: the joiner hung up.
            SwarmPyError: it sent something else, or nothing in time.
        """
        host = _host_of(writer)
        try:
            async with asyncio.timeout(self._seat.settings.join_timeout_s):
                await write_frame(writer, await self._at_home(self._offer()))
                request = await read_frame(reader, JoinRequest)
                await write_frame(writer, await self._at_home(self._answer(host, request)))
        except TimeoutError as error:
            raise Unavailable(f"a join from {host} took too long") from error

    async def _offer(self) -> JoinOffer:
        return JoinOffer(ca_certificate_pem=self._seat.store.view.cluster.ca_certificate_pem)

    async def _answer(self, host: str, request: JoinRequest) -> JoinResponse:
        try:
            self._failed.check(host)
            response = await self._admit(request)
        except SwarmPyError as error:
            if not isinstance(error, Unavailable):
                self._failed.note(host)
            log.warning("join_refused", host=host, token=request.token_id, error=str(error))
            return JoinResponse(
                error=error.message, remedy=error.remedy, error_class=type(error).__name__
            )
        log.info("join_granted", host=host, node=response.node_id, token=request.token_id)
        return response

    async def _admit(self, request: JoinRequest) -> JoinResponse:
        if self._seat.leads:
            return await Enrollment(self._seat).admit(request)
        leader = self._seat.leader_address()
        if not leader:
            consensus = self._seat.consensus
            up = len(consensus.reachable() | {self._seat.node_id})
            raise NoLeader.counted(up, len(consensus.members()))
        channel: grpc.aio.Channel = self._transport.channel(leader)
        try:
            with errors_from_the_wire():
                join: Any = DispatcherStub(channel).Join
                answer: JoinResponse = await join(request, timeout=5.0)
                return answer
        finally:
            await channel.close(None)


def _host_of(writer: asyncio.StreamWriter) -> str:
    peername = writer.get_extra_info("peername")
    return str(peername[0]) if isinstance(peername, tuple) else str(peername or "")
