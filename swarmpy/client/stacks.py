"""Stacks: one manifest, deployed and removed as a whole."""

from __future__ import annotations

from swarmpy.client.calls import Calls
from swarmpy.pb.control_pb2 import (
    DeployStackRequest,
    DeployStackResponse,
    GetStackRequest,
    GetStackResponse,
    ListStacksRequest,
    RemoveStackRequest,
    StackSummary,
)
from swarmpy.pb.specs_pb2 import StackSpec


class StackCalls(Calls):
    """A stack is named by its name."""

    async def deploy(self, spec: StackSpec, *, reason: str = "") -> DeployStackResponse:
        """Make the stack what `spec` says, in one step: all of it or nothing.

        `reason` is remembered with the revision of each service that changes.

        Returns: what was created, updated, removed or left alone. Raises InvalidInput, InUse.
        """
        request = DeployStackRequest(spec=spec, reason=reason)
        return await self._connection.write(lambda c: c.DeployStack, request)

    async def stacks(self) -> list[StackSummary]:
        """Return every stack with its counts."""
        answer = await self._connection.read(lambda c: c.ListStacks, ListStacksRequest())
        return list(answer.stacks)

    async def stack(self, name: str) -> GetStackResponse:
        """Return one stack with its services and tasks. Raises NotFound."""
        return await self._connection.read(lambda c: c.GetStack, GetStackRequest(stack=name))

    async def remove_stack(self, name: str, *, volumes: bool = False) -> None:
        """Stop and forget all that belongs to the stack; its data only with `volumes`."""
        request = RemoveStackRequest(stack=name, volumes=volumes)
        await self._connection.write(lambda c: c.RemoveStack, request)
