"""Lets any manager answer the control API: one that does not lead asks the leader.

    caller ──> follower ──(bytes as they came, marked)──> leader
                  └ waits up to 5 s while there is no leader

The mark makes loops impossible: a manager that is asked with it never forwards. Callers are
let in before anything is forwarded, because the leader sees the follower's certificate.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc

from swarmpy.errors import NoLeader, NotLeader, OutcomeUnknown, SwarmPyError
from swarmpy.manager.leash import until_first_ends
from swarmpy.manager.permission import require_control
from swarmpy.manager.seat import Seat
from swarmpy.manager.serving import Behaviour, Caller, Context, Ground, Method, answer_on
from swarmpy.rpc.errors_on_the_wire import DETAILS_KEY, error_of
from swarmpy.rpc.peer import Peer
from swarmpy.seams import Transport

FORWARDED = "swarmpy-forwarded-by"
HERE = ""
"""Stands for this manager where an address of the leader is expected."""
RETRY_S = 0.05
CONNECT_S = 1.0
"""How long a leader may take to be connected to."""


class ControlGate:
    """Decides, call by call, who answers."""

    def __init__(
        self,
        seat: Seat,
        transport: Transport,
        ground: Callable[[], Ground],
        peer_of: Callable[[Context], Peer],
    ) -> None:
        """`ground` raises NotLeader unless this manager leads."""
        self._seat = seat
        self._transport = transport
        self._ground = ground
        self._peer_of = peer_of
        self._channels: dict[str, grpc.aio.Channel] = {}

    async def close(self) -> None:
        """Drop the channels to other managers."""
        for channel in self._channels.values():
            await channel.close(None)
        self._channels.clear()

    def behaviour_of(self, method: Method) -> Behaviour:
        """Return what gRPC calls for `method`."""

        async def behaviour(request: Any, context: Context) -> bytes | None:
            return await self._answer(method, request, context)

        return behaviour

    async def _answer(self, method: Method, request: Any, context: Context) -> bytes | None:
        """Answer, here or there; again when leadership moved before anything was done."""
        caller, peer = Caller(context), self._peer_of(context)
        may_forward = FORWARDED not in dict(context.invocation_metadata() or ())
        give_up_at = self._seat.clock.monotonic() + self._seat.settings.leader_wait_s
        while True:
            leader = await self._leader(give_up_at, may_forward=may_forward)
            # Not sooner: a manager that has just started knows nobody yet.
            require_control(self._seat.store.view, peer)
            try:
                if leader != HERE:
                    return await self._forward(method, leader, request, caller, context)
                return await answer_on(self._ground(), method, request, caller.send)
            except NotLeader:
                done = caller.was_answered or method.streams_request or not may_forward
                if done or self._seat.clock.monotonic() >= give_up_at:
                    raise
            await self._seat.clock.sleep(RETRY_S)

    async def _leader(self, give_up_at: float, *, may_forward: bool) -> str:
        """Return the leader's address, or HERE; wait while there is none.

        Raises:
            NoLeader: there was none in time.
            NotLeader: another manager leads, and this call was forwarded already.
        """
        seat = self._seat
        while True:
            if seat.leads:
                return HERE
            leadership = seat.consensus.leadership
            address = seat.leader_address()
            if address and leadership.leader_id != seat.node_id:
                if not may_forward:
                    raise NotLeader.ask(address)
                return address
            if seat.clock.monotonic() >= give_up_at:
                members = seat.consensus.members()
                up = len(seat.consensus.reachable() | {seat.node_id})
                raise NoLeader.counted(up, len(members))
            await seat.clock.sleep(RETRY_S)

    async def _forward(
        self, method: Method, leader: str, request: Any, caller: Caller, context: Context
    ) -> bytes | None:
        make = await self._multicallable(method, leader)
        call = make(
            request,
            metadata=((FORWARDED, self._seat.node_id),),
            timeout=context.time_remaining(),
        )
        try:
            if not method.streams_answer:
                return await call  # type: ignore[no-any-return]
            answers: AsyncIterator[bytes] = call
            async for answer in answers:
                await caller.send(answer)
        except grpc.aio.AioRpcError as error:
            raise self._meaning(method, error) from error
        finally:
            call.cancel()
        return None

    async def _multicallable(self, method: Method, leader: str) -> Callable[..., Any]:
        """Return what calls `method` at the leader.

        Raises:
            NotLeader: nobody answers there, so nothing was sent: it may not lead any more.
        """
        if leader not in self._channels:
            self._channels[leader] = self._transport.channel(leader)
        channel = self._channels[leader]
        if channel.get_state(try_to_connect=True) is not grpc.ChannelConnectivity.READY:
            await self._connected(channel, leader)
        asks = "stream" if method.streams_request else "unary"
        answers = "stream" if method.streams_answer else "unary"
        make: Callable[[str], Callable[..., Any]] = getattr(channel, f"{asks}_{answers}")
        return make(method.path)

    async def _connected(self, channel: grpc.aio.Channel, leader: str) -> None:
        try:
            async with asyncio.timeout(CONNECT_S):
                await until_first_ends(channel.channel_ready(), self._until_moved(leader))
        except TimeoutError:
            raise NotLeader.ask(leader) from None

    async def _until_moved(self, leader: str) -> None:
        while self._seat.leader_address() == leader:
            await self._seat.clock.sleep(RETRY_S)
        raise self._seat.not_leader()

    def _meaning(self, method: Method, error: grpc.aio.AioRpcError) -> SwarmPyError:
        """Say what a failed forwarding means: a broken connection leaves writes in doubt."""
        trailing: Any = error.trailing_metadata() or ()
        if DETAILS_KEY in dict(trailing) or error.code() != grpc.StatusCode.UNAVAILABLE:
            return error_of(error)
        if method.only_reads:
            return NotLeader.ask(self._seat.leader_address())
        return OutcomeUnknown(
            f"the leader went away during {method.name}: it may have happened",
            remedy="look at what is there, and repeat the command if it is missing",
        )
