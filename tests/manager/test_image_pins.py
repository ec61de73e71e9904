"""What a tag means is settled by the first task that reports it, and found again by a rollback."""

from __future__ import annotations

from swarmpy.manager.api.rollouts import Rollouts
from swarmpy.manager.api.services import Services
from swarmpy.manager.dispatcher.statuses import write_statuses
from swarmpy.manager.seat import Seat
from swarmpy.pb.control_pb2 import (
    CreateServiceRequest,
    RollbackServiceRequest,
    UpdateServiceRequest,
)
from swarmpy.pb.objects_pb2 import Service, Task, TaskStatus
from swarmpy.pb.specs_pb2 import ServiceSpec
from swarmpy.pb.types_pb2 import TASK_STATE_ASSIGNED, TASK_STATE_READY
from swarmpy.testing.builders import service_spec
from tests.manager.one_manager import leading_seat, put

D1, D2 = "sha256:" + "1" * 64, "sha256:" + "2" * 64


def spec(image: str) -> ServiceSpec:
    wanted = service_spec("web")
    wanted.task.containers[0].image = image
    return wanted


async def report(seat: Seat, service: Service, task_id: str, digest: str) -> Task:
    """Let a new task of a service say what its image is."""
    row = Task(id=task_id, service_id=service.id, spec_version=service.spec_version, node_id="n")
    row.status.state = TASK_STATE_ASSIGNED
    await put(seat.store, tasks=[row])
    status = TaskStatus(state=TASK_STATE_READY)
    status.image_digests[service.spec.task.containers[0].image] = digest
    async with seat.store.update() as tx:
        write_statuses(seat, tx, {task_id: status})
    return seat.store.view.tasks.get(task_id)


async def test_the_first_report_pins_the_service_and_who_follows_in_a_slot() -> None:
    seat = await leading_seat()
    service = await Services(seat).create_service(CreateServiceRequest(spec=spec("app:1")))
    first = await report(seat, service, "t1", D1)
    late = await report(seat, service, "t2", D2)
    pins = seat.store.view.services.get(service.id).image_pins
    assert (pins.spec_version, dict(pins.digests)) == (1, {"app:1": D1})
    assert dict(first.image_digests) == dict(late.image_digests) == {"app:1": D1}
    assert seat.store.view.services.get(service.id).spec == service.spec, "specs are the user's"


async def test_a_rollback_runs_the_digest_of_then() -> None:
    seat = await leading_seat()
    services = Services(seat)
    service = await services.create_service(CreateServiceRequest(spec=spec("app:1")))
    await report(seat, service, "t1", D1)
    service = await services.update_service(UpdateServiceRequest(service="web", spec=spec("app:2")))
    await report(seat, service, "t2", D2)
    back = await Rollouts(seat).rollback_service(RollbackServiceRequest(service="web"))
    assert (back.image_pins.spec_version, dict(back.image_pins.digests)) == (3, {"app:1": D1})
