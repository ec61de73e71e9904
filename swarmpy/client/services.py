"""Services: what shall run, how often, and how it is replaced."""

from __future__ import annotations

from swarmpy.client.calls import Calls
from swarmpy.pb.control_pb2 import (
    CreateServiceRequest,
    GetServiceRequest,
    ListServicesRequest,
    ListServicesResponse,
    RemoveServiceRequest,
    RollbackServiceRequest,
    ScaleServiceRequest,
    UpdateServiceRequest,
)
from swarmpy.pb.objects_pb2 import Service
from swarmpy.pb.specs_pb2 import ServiceSpec


class ServiceCalls(Calls):
    """A service is named by its id, a unique prefix of it, or its name."""

    async def create_service(self, spec: ServiceSpec) -> Service:
        """Store a service; its tasks follow. Raises AlreadyExists, InvalidInput or InUse."""
        return await self._connection.write(
            lambda c: c.CreateService, CreateServiceRequest(spec=spec)
        )

    async def services(self, *, stack: str = "") -> ListServicesResponse:
        """Return every service, or those of one stack, and how many tasks of each run."""
        return await self._connection.read(
            lambda c: c.ListServices, ListServicesRequest(stack=stack)
        )

    async def service(self, ref: str) -> Service:
        """Return one service. Raises NotFound or Ambiguous."""
        return await self._connection.read(lambda c: c.GetService, GetServiceRequest(service=ref))

    async def update_service(self, ref: str, spec: ServiceSpec, *, version: int = 0) -> Service:
        """Make `spec` the service's spec; tasks are replaced as it says.

        `version` is that of the service the spec was made from: then nobody else's change is
        overwritten. Without it whatever is there is overwritten.

        Raises:
            Conflict: the service has changed since `version`.
        """
        request = UpdateServiceRequest(service=ref, version=version, spec=spec)
        return await self._connection.write(lambda c: c.UpdateService, request)

    async def scale(self, ref: str, replicas: int) -> Service:
        """Run so many replicas. Raises InvalidInput where the mode counts otherwise."""
        request = ScaleServiceRequest(service=ref, replicas=replicas)
        return await self._connection.write(lambda c: c.ScaleService, request)

    async def rollback(self, ref: str) -> Service:
        """Return to the spec before the last update. Raises WrongState when there is none."""
        return await self._connection.write(
            lambda c: c.RollbackService, RollbackServiceRequest(service=ref)
        )

    async def remove_service(self, ref: str) -> None:
        """Stop its tasks, then forget it."""
        await self._connection.write(lambda c: c.RemoveService, RemoveServiceRequest(service=ref))
