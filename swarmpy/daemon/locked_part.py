"""What a node does while a key is missing: it answers that it is locked, and waits for the key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import grpc
import structlog

from swarmpy.daemon.local_service import serve_lock
from swarmpy.daemon.refusal import refuse_control
from swarmpy.errors import Locked, SwarmPyError
from swarmpy.pb.local_pb2 import LOCK_KIND_UNLOCK_KEY, LockKind
from swarmpy.rpc.grpc_transport import serve_local

log = structlog.get_logger()

T = TypeVar("T")

STOP_GRACE_S = 0.5


class LockedPart(Generic[T]):
    """Serves the local socket alone: neither votes nor API come from a locked manager."""

    def __init__(
        self, socket_path: Path, kind: LockKind.ValueType, open_with: Callable[[str], T]
    ) -> None:
        """`open_with` gets what was typed, in a thread; what it raises the caller hears."""
        self.kind = kind
        self._socket_path = socket_path
        self._open_with = open_with
        self._opened: asyncio.Queue[T] = asyncio.Queue()

    async def run(self) -> T:
        """Serve until somebody brings the key, and return what it opened."""
        log.warning("locked", waits_for=LockKind.Name(self.kind))
        server = await serve_local(self._socket_path, self._register)
        try:
            return await self._opened.get()
        finally:
            await server.stop(STOP_GRACE_S)

    async def unlock(self, typed: str) -> None:
        """Implements `Lock`."""
        try:
            opened = await asyncio.to_thread(self._open_with, typed)
        except SwarmPyError as error:
            log.warning("unlock_refused", why=error.message)
            raise
        log.info("unlocked")
        self._opened.put_nowait(opened)

    def _register(self, server: grpc.aio.Server) -> None:
        refuse_control(server, self._refusal)
        serve_lock(server, self)

    def _refusal(self) -> Locked:
        return Locked.node("manager" if self.kind == LOCK_KIND_UNLOCK_KEY else "node")
