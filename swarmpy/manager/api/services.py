"""Services: made, updated, scaled, removed, listed."""

from __future__ import annotations

from collections.abc import Callable

from swarmpy.core.mode import size_of
from swarmpy.core.stack import Names, resolve_references
from swarmpy.core.stack_volumes import refuse_misused
from swarmpy.core.validate import validate_service, validate_service_update
from swarmpy.errors import AlreadyExists, Conflict, InUse, InvalidInput, WrongState
from swarmpy.manager.api.concerned import concerned
from swarmpy.manager.api.ports import refuse_taken_ports
from swarmpy.manager.api.service_rows import begin, scale, set_spec
from swarmpy.manager.api.tally import tally_of
from swarmpy.manager.api.volumes import let_go_of_service
from swarmpy.manager.revisions import record
from swarmpy.manager.seat import Seat
from swarmpy.manager.volume_claims import finder
from swarmpy.pb.control_pb2 import (
    CreateServiceRequest,
    GetServiceRequest,
    ListServicesRequest,
    ListServicesResponse,
    RemoveServiceRequest,
    RemoveServiceResponse,
    ScaleServiceRequest,
    UpdateServiceRequest,
)
from swarmpy.pb.objects_pb2 import Service
from swarmpy.pb.specs_pb2 import ServiceSpec
from swarmpy.store.editor import Editor
from swarmpy.store.view import View

REPLICAS_MAX = 100_000


class Services:
    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    async def create_service(self, request: CreateServiceRequest) -> Service:
        validate_service(request.spec)
        service_id = self._seat.ids.new_id()

        def decide(tx: Editor) -> None:
            if tx.view.services.by("name", request.spec.name):
                raise AlreadyExists.named("service", request.spec.name)
            spec = resolve_references(request.spec, names_for(request.spec, tx.view))
            refuse_taken_ports(spec, tx.view.services, ())
            refuse_misused([(spec.name, spec)], finder(tx.view))
            service = tx.services.create(begin(Service(id=service_id, spec=spec)))
            record(tx, service, "created", self._seat.ids)

        await self._seat.write(decide)
        return self._seat.store.view.services.get(service_id)

    async def update_service(self, request: UpdateServiceRequest) -> Service:
        """Replace the spec. With a version, only if that is still the service's.

        Raises:
            Conflict: the service changed since that version.
        """

        def change(tx: Editor, service: Service) -> None:
            if request.version and request.version != service.version:
                raise Conflict(
                    f"service {service.spec.name!r} changed since it was read",
                    remedy="read it again and repeat the change",
                )
            validate_service_update(service.spec, request.spec)
            spec = resolve_references(request.spec, names_for(request.spec, tx.view))
            refuse_taken_ports(spec, tx.view.services, (service.id,))
            refuse_misused([(spec.name, spec)], finder(tx.view))
            if spec != service.spec:
                set_spec(service, spec)
                record(tx, service, request.reason or "updated", self._seat.ids)

        return await edit_service(self._seat, request.service, change)

    async def scale_service(self, request: ScaleServiceRequest) -> Service:
        if request.replicas > REPLICAS_MAX:
            raise InvalidInput(f"replicas: is {request.replicas}, expected at most {REPLICAS_MAX}")

        def change(_tx: Editor, service: Service) -> None:
            if size_of(service) is None:
                raise WrongState(
                    f"service {service.spec.name!r} is neither replicated nor stateful, so it has "
                    "no scale",
                    remedy="see its mode: swarmpy service inspect " + service.spec.name,
                )
            scale(service, request.replicas)

        return await edit_service(self._seat, request.service, change)

    async def remove_service(self, request: RemoveServiceRequest) -> RemoveServiceResponse:
        """Let its tasks end; then it goes. Asking again does no harm."""

        def decide(tx: Editor) -> None:
            found = tx.view.services.resolve(request.service)
            with tx.services.edit(found.id) as service:
                service.removing = True
            if request.volumes:
                let_go_of_service(tx, found.id)

        await self._seat.write(decide)
        return RemoveServiceResponse()

    async def list_services(self, request: ListServicesRequest) -> ListServicesResponse:
        view = await self._seat.read()
        if request.stack:
            services = view.services.by("stack_id", view.stacks.resolve(request.stack).id)
        else:
            services = list(view.services)
        tallies = [tally_of(view, service) for service in services]
        return ListServicesResponse(services=services, tallies=tallies)

    async def get_service(self, request: GetServiceRequest) -> Service:
        return (await self._seat.read()).services.resolve(request.service)


async def edit_service(
    seat: Seat, reference: str, change: Callable[[Editor, Service], None]
) -> Service:
    """Change one service in one write; return what it is then.

    Raises:
        NotFound, Ambiguous: the reference names none, or several.
        InUse: it is being removed.
    """

    def decide(tx: Editor) -> str:
        found = tx.view.services.resolve(reference)
        if found.removing:
            raise InUse(
                f"service {found.spec.name!r} is being removed",
                remedy="create it again when it is gone",
            )
        with tx.services.edit(found.id) as service:
            change(tx, service)
        return found.id

    service_id = await seat.write(decide)
    return seat.store.view.services.get(service_id)


def names_for(spec: ServiceSpec, view: View) -> Names:
    """Return what a spec may refer to."""
    return Names.of(
        view.networks,
        concerned(view.configs, (), (spec,)),
        concerned(view.secrets, (), (spec,)),
    )
