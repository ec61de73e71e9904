"""Speaks with the daemon of this machine about itself: is it locked, and here is the key."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from swarmpy.client.dialing import dial_local, reachable
from swarmpy.errors import TimedOut, Unavailable, WrongState
from swarmpy.pb.local_pb2 import GetLockRequest, LockKind, UnlockRequest
from swarmpy.pb.local_pb2_grpc import LocalStub
from swarmpy.rpc.errors_on_the_wire import errors_from_the_wire

if TYPE_CHECKING:
    from swarmpy.pb.local_pb2_grpc import LocalAsyncStub

T = TypeVar("T")

CALL_TIMEOUT_S = 15.0
OPEN_TIMEOUT_S = 30.0
POLL_S = 0.05


class LocalClient:
    """Every call is a connection of its own, for a daemon that is unlocked listens anew."""

    def __init__(self, socket_path: Path) -> None:
        self._address = f"unix:{socket_path}"

    def lock(self) -> LockKind.ValueType:
        """Return what the node waits for. Raises DaemonUnreachable."""
        return asyncio.run(self._lock())

    def unlock(self, typed: str) -> None:
        """Open it.

        Raises:
            PermissionDenied, InvalidInput: it is another key, or none.
            DaemonUnreachable: nobody answers.
        """
        request = UnlockRequest(key=typed)
        asyncio.run(self._call(lambda stub: stub.Unlock(request, timeout=CALL_TIMEOUT_S)))

    def next_lock(self, opened: LockKind.ValueType) -> LockKind.ValueType:
        """Return what the node waits for once the lock that was opened is gone.

        Raises:
            TimedOut: it does not answer again.
        """
        return asyncio.run(self._next_lock(opened))

    async def _lock(self) -> LockKind.ValueType:
        request = GetLockRequest()
        answer = await self._call(lambda stub: stub.GetLock(request, timeout=CALL_TIMEOUT_S))
        return answer.kind

    async def _next_lock(self, opened: LockKind.ValueType) -> LockKind.ValueType:
        give_up_at = time.monotonic() + OPEN_TIMEOUT_S
        while time.monotonic() < give_up_at:
            try:
                kind = await self._lock()
            except (Unavailable, WrongState):
                kind = opened  # it is about to listen anew
            if kind != opened:
                return kind
            await asyncio.sleep(POLL_S)
        raise TimedOut(
            f"the node was unlocked, and does not answer after {OPEN_TIMEOUT_S:.0f} s",
            remedy="swarmpy doctor says where its log is",
        )

    async def _call(self, ask: Callable[[LocalAsyncStub], Awaitable[T]]) -> T:
        channel = dial_local(self._address)
        try:
            await reachable(channel, self._address)
            with errors_from_the_wire():
                return await ask(LocalStub(channel))
        finally:
            await channel.close(None)
