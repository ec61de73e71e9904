"""Services are made, changed and removed as people ask; versions count what tasks run."""

from __future__ import annotations

import asyncio

import pytest

from swarmpy.errors import (
    AlreadyExists,
    Conflict,
    InUse,
    InvalidInput,
    NotFound,
    OutcomeUnknown,
    SwarmPyError,
    WrongState,
)
from swarmpy.manager.api.rollouts import Rollouts
from swarmpy.manager.api.services import Services
from swarmpy.manager.seat import Seat
from swarmpy.pb.control_pb2 import (
    CreateServiceRequest,
    GetServiceRequest,
    ListServicesRequest,
    RemoveServiceRequest,
    RollbackServiceRequest,
    ScaleServiceRequest,
    UpdateServiceRequest,
)
from swarmpy.pb.objects_pb2 import (
    ROLLOUT_STATE_NONE,
    ROLLOUT_STATE_PAUSED,
    ROLLOUT_STATE_ROLLING_BACK,
    Secret,
    Service,
)
from swarmpy.pb.specs_pb2 import SecretSpec, ServiceSpec
from swarmpy.pb.types_pb2 import (
    TASK_STATE_FAILED,
    TASK_STATE_RUNNING,
    FileReference,
    PortConfig,
)
from swarmpy.testing import builders
from tests.manager.fake_quorum import FakeQuorum
from tests.manager.one_manager import leading_seat, put


async def created(seat: Seat, spec: ServiceSpec | None = None) -> Service:
    request = CreateServiceRequest(spec=spec or builders.service_spec("web", replicas=2))
    return await Services(seat).create_service(request)


def changed(service: Service, image: str) -> ServiceSpec:
    spec = ServiceSpec()
    spec.CopyFrom(service.spec)
    spec.task.containers[0].image = image
    return spec


async def test_a_new_service_is_stored_as_its_first_version() -> None:
    seat = await leading_seat()
    service = await created(seat)
    assert service.spec.name == "web"
    assert (service.spec_version, service.ports_allocated) == (1, False)
    assert await Services(seat).get_service(GetServiceRequest(service="web")) == service


async def test_a_name_is_taken_once_even_by_two_callers_at_once() -> None:
    seat = await leading_seat()
    results = await asyncio.gather(*(created(seat) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(result, Service) for result in results) == 1
    assert sum(isinstance(result, AlreadyExists) for result in results) == 3


async def test_a_faulty_spec_is_refused_and_nothing_is_stored() -> None:
    seat = await leading_seat()
    with pytest.raises(InvalidInput):
        await created(seat, ServiceSpec(name="web"))
    assert len(seat.store.view.services) == 0


async def test_references_are_resolved_to_ids() -> None:
    seat = await leading_seat()
    await put(seat.store, secrets=[Secret(id="x1", spec=SecretSpec(name="key", data=b"k"))])
    spec = builders.service_spec("web")
    spec.task.containers[0].secrets.append(FileReference(name="key", target="/run/key"))
    service = await created(seat, spec)
    assert service.spec.task.containers[0].secrets[0].id == "x1"
    spec.name = "other"
    spec.task.containers[0].secrets[0].name = "missing"
    with pytest.raises(NotFound, match="missing"):
        await created(seat, spec)


async def test_a_published_port_that_is_taken_is_refused_at_once() -> None:
    seat = await leading_seat()
    port = PortConfig(target=80, published=8080)
    await created(seat, builders.service_spec("web", ports=[port]))
    with pytest.raises(InUse, match="8080") as refused:
        await created(seat, builders.service_spec("other", ports=[port]))
    assert "web" in refused.value.message
    assert refused.value.exit_code == 6


async def test_an_update_of_what_runs_is_a_new_version_and_resets_the_rollout() -> None:
    seat = await leading_seat()
    service = await created(seat)
    async with seat.store.update() as tx:
        with tx.services.edit(service.id) as row:
            row.rollout.state = ROLLOUT_STATE_PAUSED
            row.ports_allocated = True
    request = UpdateServiceRequest(service="web", spec=changed(service, "demo:2"))
    updated = await Services(seat).update_service(request)
    assert updated.spec_version == 2
    assert updated.previous_spec == service.spec
    assert updated.rollout.state == ROLLOUT_STATE_NONE
    assert updated.ports_allocated, "what it publishes is the same"


async def test_an_update_of_the_rest_keeps_the_version() -> None:
    seat = await leading_seat()
    service = await created(seat)
    async with seat.store.update() as tx:
        with tx.services.edit(service.id) as row:
            row.ports_allocated = True
    spec = ServiceSpec()
    spec.CopyFrom(service.spec)
    spec.replicated.replicas = 5
    spec.endpoint.ports.append(PortConfig(target=80, published=8080))
    updated = await Services(seat).update_service(UpdateServiceRequest(service="web", spec=spec))
    assert updated.spec_version == 1
    assert not updated.ports_allocated


async def test_an_update_of_an_older_version_is_a_conflict() -> None:
    seat = await leading_seat()
    service = await created(seat)
    request = UpdateServiceRequest(
        service="web", version=service.version, spec=changed(service, "demo:2")
    )
    await Services(seat).update_service(request)
    with pytest.raises(Conflict):
        await Services(seat).update_service(request)


async def test_a_name_cannot_change() -> None:
    seat = await leading_seat()
    service = await created(seat)
    spec = changed(service, "demo:2")
    spec.name = "renamed"
    with pytest.raises(InvalidInput):
        await Services(seat).update_service(UpdateServiceRequest(service="web", spec=spec))


async def test_scaling_is_no_new_version_and_rollback_passes_over_it() -> None:
    seat = await leading_seat()
    service = await created(seat)
    scaled = await Services(seat).scale_service(ScaleServiceRequest(service="web", replicas=9))
    assert scaled.spec.replicated.replicas == 9
    assert scaled.spec_version == service.spec_version
    assert not scaled.HasField("previous_spec")


@pytest.mark.parametrize(
    ("replicas", "error"),
    [
        pytest.param(3, WrongState, id="a global service has no scale"),
        pytest.param(10**6, InvalidInput, id="more than anybody can mean"),
    ],
)
async def test_a_scale_that_makes_no_sense_is_refused(
    replicas: int, error: type[SwarmPyError]
) -> None:
    seat = await leading_seat()
    await created(seat, builders.service_spec("web", replicas=None))
    with pytest.raises(error):
        await Services(seat).scale_service(ScaleServiceRequest(service="web", replicas=replicas))


async def test_a_rollback_returns_to_the_previous_spec_once() -> None:
    seat = await leading_seat()
    services, service = Services(seat), await created(seat)
    await services.update_service(
        UpdateServiceRequest(service="web", spec=changed(service, "demo:2"))
    )
    back = await Rollouts(seat).rollback_service(RollbackServiceRequest(service="web"))
    assert back.spec == service.spec
    assert (back.spec_version, back.rollout.spec_version) == (3, 3)
    assert back.rollout.state == ROLLOUT_STATE_ROLLING_BACK
    with pytest.raises(WrongState):
        await Rollouts(seat).rollback_service(RollbackServiceRequest(service="web"))


async def test_a_removed_service_waits_for_its_tasks_and_cannot_be_changed() -> None:
    seat = await leading_seat()
    service = await created(seat)
    for _ in range(2):
        await Services(seat).remove_service(RemoveServiceRequest(service="web"))
    assert seat.store.view.services.get(service.id).removing
    with pytest.raises(InUse):
        await Services(seat).scale_service(ScaleServiceRequest(service="web", replicas=1))


async def test_a_list_says_how_many_run_and_how_many_should() -> None:
    seat = await leading_seat()
    service = await created(seat)
    await put(
        seat.store,
        tasks=[
            builders.task("t1", of=service, slot=1, on="w1", state=TASK_STATE_RUNNING),
            builders.task("t2", of=service, slot=2, on="w1", state=TASK_STATE_FAILED),
        ],
    )
    listed = await Services(seat).list_services(ListServicesRequest())
    assert [row.id for row in listed.services] == [service.id]
    assert [(t.service_id, t.running, t.wanted) for t in listed.tallies] == [(service.id, 1, 2)]


async def test_a_write_in_doubt_is_not_repeated() -> None:
    quorum = FakeQuorum()
    seat = await leading_seat(quorum=quorum)
    quorum.failing = True
    with pytest.raises(OutcomeUnknown):
        await created(seat)
