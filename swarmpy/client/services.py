"""Services: what shall run, how often, and how it is replaced."""

from __future__ import annotations

from swarmpy.client.calls import Calls
from swarmpy.pb.control_pb2 import (
    CreateServiceRequest,
    GetServiceRequest,
    ListRevisionsRequest,
    ListServicesRequest,
    ListServicesResponse,
    PauseServiceRequest,
    RemoveServiceRequest,
    RestartServiceRequest,
    ResumeServiceRequest,
    RollbackServiceRequest,
    ScaleServiceRequest,
    UpdateServiceRequest,
)
from swarmpy.pb.objects_pb2 import Revision, Service
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

    async def update_service(
        self, ref: str, spec: ServiceSpec, *, version: int = 0, reason: str = ""
    ) -> Service:
        """Make `spec` the service's spec; tasks are replaced as it says.

        `version` is that of the service the spec was made from: then nobody else's change is
        overwritten. Without it whatever is there is overwritten. `reason` is remembered with the
        revision that this makes.

        Raises:
            Conflict: the service has changed since `version`.
        """
        request = UpdateServiceRequest(service=ref, version=version, spec=spec, reason=reason)
        return await self._connection.write(lambda c: c.UpdateService, request)

    async def scale(self, ref: str, replicas: int) -> Service:
        """Run so many replicas. Raises InvalidInput where the mode counts otherwise."""
        request = ScaleServiceRequest(service=ref, replicas=replicas)
        return await self._connection.write(lambda c: c.ScaleService, request)

    async def rollback(self, ref: str, *, revision: int = 0) -> Service:
        """Return to the spec before the last update, or to that of a revision.

        Raises:
            WrongState: there is no spec before.
            NotFound: there is no such revision any more, or it refers to what is gone.
        """
        request = RollbackServiceRequest(service=ref, revision=revision)
        return await self._connection.write(lambda c: c.RollbackService, request)

    async def revisions(self, ref: str) -> list[Revision]:
        """Return what the service was, and is, asked to be, oldest first."""
        request = ListRevisionsRequest(service=ref)
        return list((await self._connection.read(lambda c: c.ListRevisions, request)).revisions)

    async def pause(self, ref: str) -> Service:
        """Let no update of it go on, or begin, until it is resumed."""
        request = PauseServiceRequest(service=ref)
        return await self._connection.write(lambda c: c.PauseService, request)

    async def resume(self, ref: str) -> Service:
        """Let updates go on, also one that paused because it failed."""
        request = ResumeServiceRequest(service=ref)
        return await self._connection.write(lambda c: c.ResumeService, request)

    async def restart(self, ref: str) -> Service:
        """Replace every task as an update does; a job runs again."""
        request = RestartServiceRequest(service=ref)
        return await self._connection.write(lambda c: c.RestartService, request)

    async def remove_service(self, ref: str, *, volumes: bool = False) -> None:
        """Stop its tasks, then forget it; with `volumes` the data of its slots goes, too."""
        request = RemoveServiceRequest(service=ref, volumes=volumes)
        await self._connection.write(lambda c: c.RemoveService, request)
