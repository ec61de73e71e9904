"""A stack is deployed whole or not at all."""

from __future__ import annotations

import pytest

from swarmpy.core.cron.cron_job import new_run
from swarmpy.errors import InUse, InvalidInput, NotFound
from swarmpy.manager.api.stacks import Stacks
from swarmpy.manager.seat import Seat
from swarmpy.pb.control_pb2 import (
    DeployStackRequest,
    DeployStackResponse,
    GetStackRequest,
    ListStacksRequest,
    RemoveStackRequest,
)
from swarmpy.pb.specs_pb2 import ConfigSpec, NetworkSpec, ServiceSpec, StackSpec
from swarmpy.pb.types_pb2 import FileReference, PortConfig
from swarmpy.testing import builders
from tests.manager.one_manager import leading_seat, put


def web(image: str = "demo:1") -> ServiceSpec:
    spec = builders.service_spec("shop_web", task=builders.task_spec(image))
    spec.task.containers[0].configs.append(FileReference(name="shop_conf", target="/conf"))
    return spec


def shop(*services: ServiceSpec) -> StackSpec:
    return StackSpec(
        name="shop",
        services=services or [web()],
        networks=[NetworkSpec(name="shop_default")],
        configs=[ConfigSpec(name="shop_conf", data=b"a = 1")],
        source="services: {}",
    )


async def deploy(seat: Seat, spec: StackSpec) -> DeployStackResponse:
    return await Stacks(seat).deploy_stack(DeployStackRequest(spec=spec))


def actions(response: DeployStackResponse) -> set[tuple[str, str, str]]:
    return {(change.kind, change.name, change.action) for change in response.changes}


async def test_a_deploy_makes_everything_in_one_transaction() -> None:
    seat = await leading_seat()
    before = seat.store.index
    response = await deploy(seat, shop())
    assert seat.store.index == before + 1
    assert actions(response) == {
        ("service", "shop_web", "created"),
        ("network", "shop_default", "created"),
        ("config", "shop_conf", "created"),
    }
    (service,) = response.services
    assert (service.spec_version, service.stack_id) == (1, response.stack.id)
    assert service.spec.task.containers[0].configs[0].id in seat.store.view.configs
    assert response.stack.source == "services: {}"


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        pytest.param(ServiceSpec(name="shop_bad"), InvalidInput, id="a service without a task"),
        pytest.param(
            builders.service_spec("shop_bad", ports=[PortConfig(target=80, published=8080)]),
            InUse,
            id="a port that is taken",
        ),
    ],
)
async def test_one_fault_and_nothing_is_deployed(
    broken: ServiceSpec, error: type[Exception]
) -> None:
    seat = await leading_seat()
    taken = builders.service_spec("other", ports=[PortConfig(target=80, published=8080)])
    await put(seat.store, services=[builders.service("s1", taken)])
    before = seat.store.index
    with pytest.raises(error):
        await deploy(seat, shop(web(), broken))
    assert seat.store.index == before
    assert len(seat.store.view.stacks) == 0


async def test_a_reference_to_nothing_and_nothing_is_deployed() -> None:
    seat = await leading_seat()
    spec = shop()
    del spec.configs[:]
    with pytest.raises(NotFound):
        await deploy(seat, spec)
    assert len(seat.store.view.stacks) == len(seat.store.view.networks) == 0


async def test_the_same_manifest_again_changes_nothing() -> None:
    seat = await leading_seat()
    await deploy(seat, shop())
    before = seat.store.index
    again = await deploy(seat, shop())
    assert seat.store.index == before
    assert {action for _, _, action in actions(again)} == {"unchanged"}


async def test_a_changed_manifest_updates_and_removes() -> None:
    seat = await leading_seat()
    await deploy(seat, shop(web(), builders.service_spec("shop_old")))
    response = await deploy(seat, shop(web("demo:2")))
    assert ("service", "shop_web", "updated") in actions(response)
    assert ("service", "shop_old", "removed") in actions(response)
    (service,) = response.services
    assert (service.spec_version, service.previous_spec.task.containers[0].image) == (2, "demo:1")
    (old,) = seat.store.view.services.by("name", "shop_old")
    assert old.removing


async def test_a_removed_stack_ends_its_services_first() -> None:
    seat = await leading_seat()
    await deploy(seat, shop())
    for _ in range(2):
        await Stacks(seat).remove_stack(RemoveStackRequest(stack="shop"))
    (service,) = seat.store.view.services.by("name", "shop_web")
    assert service.removing
    assert seat.store.view.stacks.resolve("shop").removing
    with pytest.raises(InUse):
        await deploy(seat, shop())


async def test_a_stack_is_listed_with_what_runs_of_it() -> None:
    seat = await leading_seat()
    await deploy(seat, shop())
    (summary,) = (await Stacks(seat).list_stacks(ListStacksRequest())).stacks
    assert (summary.services, summary.tasks_running, summary.tasks_wanted) == (1, 0, 1)
    whole = await Stacks(seat).get_stack(GetStackRequest(stack="shop"))
    assert [row.spec.name for row in whole.services] == ["shop_web"]


async def test_a_stack_brings_its_cron_jobs_and_takes_them_with_it() -> None:
    seat = await leading_seat()
    spec = shop()
    nightly = builders.cron_job_spec("shop_nightly")
    nightly.job.task.containers[0].configs.append(FileReference(name="shop_conf", target="/conf"))
    spec.cron_jobs.append(nightly)
    response = await deploy(seat, spec)
    assert ("cron job", "shop_nightly", "created") in actions(response)
    (row,) = seat.store.view.cron_jobs
    assert (row.stack_id, row.considered_until_ms) == (response.stack.id, seat.now_ms)
    run = new_run(row, name="1", scheduled_at_ms=60_000)
    run.id = "run"
    await put(seat.store, services=[run])
    spec.cron_jobs[0].schedule = "@daily"
    again = await deploy(seat, spec)
    assert ("cron job", "shop_nightly", "updated") in actions(again)
    assert [service.spec.name for service in again.services] == ["shop_web"]
    del spec.cron_jobs[:]
    del spec.services[0].task.containers[0].configs[:]
    del spec.configs[:]
    without = await deploy(seat, spec)
    assert ("cron job", "shop_nightly", "removed") in actions(without)
    assert seat.store.view.cron_jobs.get(row.id).removing
    assert len(seat.store.view.configs) == 1, "the run still reads it"
