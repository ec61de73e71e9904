"""Waiting ends when all is as asked, or says why it will not be."""

from __future__ import annotations

import asyncio

import pytest

from swarmpy.client.client import Client
from swarmpy.errors import CannotBePlaced, NotFound, NotLeader, RolledBack, TimedOut, Unhealthy
from swarmpy.pb.specs_pb2 import StackSpec
from swarmpy.pb.types_pb2 import TASK_STATE_RUNNING
from tests.client.fake_control import FakeControl
from tests.client.specs import web


async def test_it_ends_when_every_task_runs(client: Client) -> None:
    service = await client.create_service(web(replicas=3))
    progress = await client.wait_done(service, steady_s=0)
    assert (progress.running, progress.wanted, progress.done) == (3, 3, True)


async def test_it_yields_each_step_and_why_what_is_missing_is_missing(
    client: Client, control: FakeControl
) -> None:
    service = await client.create_service(web(replicas=1, fake="preparing"))
    steps = []
    async for progress in client.wait(service, steady_s=0):
        task = progress.services[0].tasks[0]
        steps.append((task.name, progress.running, task.reason))
        if progress.running == 0:
            row = control.find("tasks", task.task_id)
            row.status.state = TASK_STATE_RUNNING
            control.put("tasks", row)
    assert steps == [("web.1", 0, "pulling the image"), ("web.1", 1, "")]


async def test_a_stack_is_waited_for_as_a_whole(client: Client) -> None:
    answer = await client.deploy(StackSpec(name="shop", services=[web("shop_a"), web("shop_b")]))
    progress = await client.wait_done(answer, steady_s=0)
    assert [service.name for service in progress.services] == ["shop_a", "shop_b"]
    assert await client.wait_done(await client.stack("shop"), steady_s=0) == progress


async def test_no_node_for_it_says_why(client: Client) -> None:
    service = await client.create_service(web(fake="pending: needs 2.0 cpus, 0.5 are free"))
    with pytest.raises(CannotBePlaced, match=r"web\.1: needs 2\.0 cpus") as caught:
        await client.wait_done(service, unplaced_s=0.05)
    assert caught.value.remedy.startswith("swarmpy why web")


async def test_a_port_that_is_taken_cannot_be_placed(client: Client, control: FakeControl) -> None:
    service = await client.create_service(web(replicas=0))
    service.allocation_error = "port 80 is taken by shop_web"
    control.put("services", service)
    waiting = client.wait_done(service, unplaced_s=0.05)
    if service.allocation_error and not service.spec.endpoint.ports:
        service.ports_allocated = False
        service.spec.endpoint.ports.add(target=80, published=80)
        control.put("services", service)
    with pytest.raises(CannotBePlaced, match="port 80 is taken by shop_web"):
        await waiting


async def test_a_task_that_fails_again_and_again_is_unhealthy(client: Client) -> None:
    service = await client.create_service(web(replicas=1, fake="failing: exit code 1"))
    with pytest.raises(Unhealthy, match=r"web\.1 failed 3 times: exit code 1"):
        await client.wait_done(service)


async def test_an_update_that_was_undone_is_rolled_back(client: Client) -> None:
    await client.create_service(web())
    service = await client.update_service("web", web(fake="rolled back: 2 of 2 tasks failed"))
    with pytest.raises(RolledBack, match="2 of 2 tasks failed"):
        await client.wait_done(service)


async def test_what_is_still_on_its_way_times_out_with_its_state(client: Client) -> None:
    service = await client.create_service(web(replicas=1, fake="preparing"))
    with pytest.raises(TimedOut, match=r"0 of 1 tasks run; web\.1 is preparing: pulling"):
        await client.wait_done(service, timeout_s=0.05)


async def test_a_service_that_is_removed_meanwhile_is_not_found(
    client: Client, control: FakeControl
) -> None:
    service = await client.create_service(web(fake="preparing"))
    waiting = client.wait(service)
    await anext(waiting)
    control.drop("services", service.id)
    with pytest.raises(NotFound, match="'web' was removed meanwhile"):
        await anext(waiting)


async def test_a_change_of_leader_does_not_disturb_it(client: Client, control: FakeControl) -> None:
    service = await client.create_service(web(replicas=1, fake="preparing"))

    async def disturb() -> None:
        while not control.watchers:
            await asyncio.sleep(0.01)
        control.end_watches(NotLeader.ask(""))
        task = control.find("tasks", next(iter(control.rows["tasks"])))
        task.status.state = TASK_STATE_RUNNING
        control.put("tasks", task)

    async with asyncio.TaskGroup() as group:
        group.create_task(disturb())
        assert (await client.wait_done(service, steady_s=0)).done
    assert control.calls.count("Watch") == 2


async def test_a_manager_that_lags_behind_is_not_believed(
    client: Client, control: FakeControl
) -> None:
    service = await client.create_service(web(replicas=1))
    service.version = control.index + 10
    with pytest.raises(TimedOut, match="no manager has said how it stands"):
        await client.wait_done(service, timeout_s=0.05)
