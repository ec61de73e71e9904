"""Says on the node's own socket whether it is locked, and hears the key that opens it."""

from __future__ import annotations

from typing import Any, Protocol

import grpc

from swarmpy.errors import PermissionDenied, WrongState
from swarmpy.pb.local_pb2 import (
    LOCK_KIND_NONE,
    GetLockRequest,
    GetLockResponse,
    LockKind,
    UnlockRequest,
    UnlockResponse,
)
from swarmpy.pb.local_pb2_grpc import LocalServicer, add_LocalServicer_to_server
from swarmpy.rpc.peer import peer_of


class Lock(Protocol):
    @property
    def kind(self) -> LockKind.ValueType: ...

    async def unlock(self, typed: str) -> None:
        """Raises PermissionDenied, InvalidInput: it is another key; nothing has changed."""


class NotLocked:
    """Implements `Lock` for a node whose keys are open."""

    kind: LockKind.ValueType = LOCK_KIND_NONE

    async def unlock(self, typed: str) -> None:
        del typed
        raise WrongState("this node is not locked", remedy="swarmpy node ls shows how it is")


class _Service(LocalServicer):
    def __init__(self, lock: Lock) -> None:
        self._lock = lock

    async def GetLock(  # noqa: N802  gRPC names it
        self, request: GetLockRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> GetLockResponse:
        del request, context
        return GetLockResponse(kind=self._lock.kind)

    async def Unlock(  # noqa: N802  gRPC names it
        self, request: UnlockRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> UnlockResponse:
        if not peer_of(context).local:
            raise PermissionDenied("a node is unlocked on its own machine only")
        await self._lock.unlock(request.key)
        return UnlockResponse()


def serve_lock(server: grpc.aio.Server, lock: Lock) -> None:
    """Serve service Local; for the server on the socket file only."""
    add_LocalServicer_to_server(_Service(lock), server)
