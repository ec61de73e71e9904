"""Updates of services, while they go on and afterwards: back, to a halt, on, and once more."""

from __future__ import annotations

from swarmpy.core.references import resolve_references
from swarmpy.errors import NotFound, WrongState
from swarmpy.manager.api.service_rows import restart, resume, return_to, roll_back
from swarmpy.manager.api.services import edit_service, names_for
from swarmpy.manager.image_pins import repin
from swarmpy.manager.revisions import record
from swarmpy.manager.seat import Seat
from swarmpy.pb.control_pb2 import (
    ListRevisionsRequest,
    ListRevisionsResponse,
    PauseServiceRequest,
    RestartServiceRequest,
    ResumeServiceRequest,
    RollbackServiceRequest,
)
from swarmpy.pb.objects_pb2 import Revision, Service
from swarmpy.store.editor import Editor
from swarmpy.store.view import View


class Rollouts:
    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    async def rollback_service(self, request: RollbackServiceRequest) -> Service:
        """Return to the spec before the last update, or to that of a revision.

        Raises:
            WrongState: there is no spec before.
            NotFound: there is no such revision, or it refers to what is gone.
        """

        def change(tx: Editor, service: Service) -> None:
            if request.revision:
                spec = _revision(tx.view, service, request.revision).spec
                resolved = resolve_references(spec, names_for(spec, tx.view))
                return_to(service, resolved, self._seat.now_ms)
                reason = f"rolled back to revision {request.revision}"
            else:
                _require_previous(service)
                roll_back(service, self._seat.now_ms)
                reason = "rolled back"
            record(tx, service, reason, self._seat.ids)
            repin(tx, service)

        return await edit_service(self._seat, request.service, change)

    async def pause_service(self, request: PauseServiceRequest) -> Service:
        """Let no update of it go on, or begin, until it is resumed."""

        def change(_tx: Editor, service: Service) -> None:
            service.paused = True

        return await edit_service(self._seat, request.service, change)

    async def resume_service(self, request: ResumeServiceRequest) -> Service:
        """Let updates go on, also one that paused because it failed: it gets another try."""

        def change(_tx: Editor, service: Service) -> None:
            resume(service, self._seat.now_ms)

        return await edit_service(self._seat, request.service, change)

    async def restart_service(self, request: RestartServiceRequest) -> Service:
        """Replace every task as an update does; a job runs again."""

        def change(tx: Editor, service: Service) -> None:
            restart(service)
            record(tx, service, "restarted", self._seat.ids)

        return await edit_service(self._seat, request.service, change)

    async def list_revisions(self, request: ListRevisionsRequest) -> ListRevisionsResponse:
        view = await self._seat.read()
        rows = view.revisions.by("service_id", view.services.resolve(request.service).id)
        return ListRevisionsResponse(revisions=sorted(rows, key=lambda row: row.number))


def _revision(view: View, service: Service, number: int) -> Revision:
    rows = view.revisions.by("service_id", service.id)
    found = next((row for row in rows if row.number == number), None)
    if found is None:
        there = ", ".join(str(row.number) for row in sorted(rows, key=lambda row: row.number))
        raise NotFound(
            f"service {service.spec.name!r} has no revision {number}; there are {there or 'none'}",
            remedy=f"swarmpy service history {service.spec.name}",
        )
    return found


def _require_previous(service: Service) -> None:
    if not service.HasField("previous_spec"):
        raise WrongState(
            f"service {service.spec.name!r} has no previous spec to return to",
            remedy="it was never updated, or was rolled back already; "
            f"for others: swarmpy service history {service.spec.name}",
        )
