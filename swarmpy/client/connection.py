"""The way to the managers: finds one that answers, follows the leader, retries what is safe.

A read is asked again whenever the managers were not available. A write is sent again only
when the failure says that nothing was written: no connection was made, or the manager that
was asked does not lead. Every other broken write is `OutcomeUnknown`: look, then decide.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import grpc

from swarmpy.client.dialing import Dial, reachable
from swarmpy.errors import (
    DaemonUnreachable,
    EngineUnavailable,
    NoLeader,
    NotLeader,
    OutcomeUnknown,
    SwarmPyError,
    Unavailable,
)
from swarmpy.pb.control_pb2_grpc import ControlStub
from swarmpy.rpc.errors_on_the_wire import errors_from_the_wire

if TYPE_CHECKING:
    from swarmpy.pb.control_pb2_grpc import ControlAsyncStub

Q = TypeVar("Q")
A = TypeVar("A")
R = TypeVar("R")
Unary: TypeAlias = "Callable[[ControlAsyncStub], grpc.aio.UnaryUnaryMultiCallable[Q, A]]"
Streaming: TypeAlias = "Callable[[ControlAsyncStub], grpc.aio.UnaryStreamMultiCallable[Q, A]]"
Both: TypeAlias = "Callable[[ControlAsyncStub], grpc.aio.StreamStreamMultiCallable[Q, A]]"
Stream: TypeAlias = "grpc.aio.UnaryStreamCall[Q, A] | grpc.aio.StreamStreamCall[Q, A]"

CALL_S = 30.0
"""How long one call may take; a group commit on a slow disk takes well under a second."""
PATIENCE_S = 15.0
"""How long a call is tried again: an election takes less."""
FIRST_DELAY_S = 0.05
LAST_DELAY_S = 2.0


def delays() -> Iterator[float]:
    """Yield how long to wait before each new try, in seconds: doubling, then level."""
    delay_s = FIRST_DELAY_S
    while True:
        yield delay_s
        delay_s = min(2 * delay_s, LAST_DELAY_S)


def nothing_was_written(error: SwarmPyError) -> bool:
    """Whether a write that failed so may be sent again without happening twice."""
    return isinstance(error, NotLeader | NoLeader | DaemonUnreachable)


def may_pass(error: SwarmPyError) -> bool:
    """Whether asking again, without having written anything, may succeed."""
    return isinstance(error, Unavailable) and not isinstance(error, EngineUnavailable)


class Connection:
    """One channel at a time, to one of `addresses` or to the leader they name."""

    def __init__(
        self, addresses: Sequence[str], dial: Dial, *, patience_s: float = PATIENCE_S
    ) -> None:
        assert addresses, "a connection needs somebody to call"
        self._addresses = tuple(addresses)
        self._dial = dial
        self._patience_s = patience_s
        self._address = addresses[0]
        self._channel: grpc.aio.Channel | None = None
        self._reached = False

    # --- calls

    async def open(self) -> None:
        """Connect to the first address that answers. Raises DaemonUnreachable."""

        async def once() -> None:
            await self._stub()

        await self._persist(once, nothing_was_written)

    async def read(self, pick: Unary[Q, A], request: Q) -> A:
        """Return the answer. Raises what the manager raised, or Unavailable after a while."""

        async def once() -> A:
            stub = await self._stub()
            with errors_from_the_wire():
                return await pick(stub)(request, timeout=CALL_S)

        return await self._persist(once, may_pass)

    async def write(self, pick: Unary[Q, A], request: Q) -> A:
        """Return the answer to a call that changes something; it happens at most once.

        Raises:
            OutcomeUnknown: the connection broke before the answer; it may have happened.
        """

        async def once() -> A:
            stub = await self._stub()
            try:
                with errors_from_the_wire():
                    return await pick(stub)(request, timeout=CALL_S)
            except Unavailable as error:
                raise _after_sending(error) from error

        return await self._persist(once, nothing_was_written)

    async def stream(self, pick: Streaming[Q, A], request: Q) -> AsyncGenerator[A, None]:
        """Yield what the manager sends. Opened again only until the first item is there."""
        async with aclosing(self._open(lambda stub: pick(stub)(request), may_pass)) as items:
            async for item in items:
                yield item

    async def converse(
        self, pick: Both[Q, A], frames: Callable[[], AsyncIterator[Q]]
    ) -> AsyncGenerator[A, None]:
        """Send `frames()` and yield the answers. Never begun twice."""
        async with aclosing(
            self._open(lambda stub: pick(stub)(frames()), nothing_was_written)
        ) as items:
            async for item in items:
                yield item

    async def close(self) -> None:
        """Drop the channel; calls under way are cancelled. May be called twice."""
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close(None)

    # --- how

    async def _open(
        self,
        begin: Callable[[ControlAsyncStub], Stream[Q, A]],
        again: Callable[[SwarmPyError], bool],
    ) -> AsyncGenerator[A, None]:
        calls: list[Stream[Q, A]] = []

        async def once() -> tuple[AsyncIterator[A], A | None]:
            stub = await self._stub()
            calls.append(begin(stub))
            items = aiter(calls[-1])
            with errors_from_the_wire():
                return items, await anext(items, None)

        try:
            items, first = await self._persist(once, again)
            if first is None:
                return
            yield first
            with errors_from_the_wire():
                async for item in items:
                    yield item
        finally:
            for call in calls:
                call.cancel()

    async def _persist(
        self, once: Callable[[], Awaitable[R]], again: Callable[[SwarmPyError], bool]
    ) -> R:
        """Return what `once` returns, tried until `again` says no or patience ends."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + self._patience_s
        for tries, delay_s in enumerate(delays(), start=1):
            try:
                return await once()
            except SwarmPyError as error:
                pointless = not self._reached and tries >= len(self._addresses)
                if not again(error) or pointless or loop.time() + delay_s > give_up_at:
                    raise
                await self._turn(error)
            await asyncio.sleep(delay_s)
        raise AssertionError("delays() has no end")

    async def _turn(self, error: SwarmPyError) -> None:
        """Call somebody else next: the leader that was named, or the next address."""
        local = self._address.startswith("unix:")
        if isinstance(error, NotLeader) and error.leader and not local:
            await self._move_to(error.leader)
        elif isinstance(error, DaemonUnreachable):
            known = self._addresses
            at = known.index(self._address) if self._address in known else -1
            await self._move_to(known[(at + 1) % len(known)])

    async def _move_to(self, address: str) -> None:
        if address != self._address:
            self._address = address
            await self.close()

    async def _stub(self) -> ControlAsyncStub:
        """Return a stub on a channel that is connected. Raises DaemonUnreachable."""
        if self._channel is None:
            self._channel = self._dial(self._address)
        channel = self._channel
        try:
            await reachable(channel, self._address)
        except DaemonUnreachable:
            if self._channel is channel:
                await self.close()
            raise
        self._reached = True
        return ControlStub(channel)


def _after_sending(error: Unavailable) -> SwarmPyError:
    """Return what a broken call means once its request may have left: perhaps it happened."""
    if type(error) in {Unavailable, DaemonUnreachable}:
        return OutcomeUnknown(
            f"the connection broke before the answer came: {error.message}",
            remedy="it may have happened: look, and repeat the command if it did not",
        )
    return error
