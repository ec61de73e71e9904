import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from swarmpy.errors import NoLeader, OutcomeUnknown, StorageFull, Unavailable
from swarmpy.pb.control_pb2 import (
    CreateServiceRequest,
    ListServicesRequest,
    RemoveServiceRequest,
    ScaleServiceRequest,
)
from swarmpy.rpc.errors_on_the_wire import errors_from_the_wire
from swarmpy.testing.conformance.transport import raised_by
from swarmpy.testing.settled import unsettled
from swarmpy.testing.simulation import Swarm
from swarmpy.testing.virtual_loop import run
from swarmpy.testing.workload import spec_of

PORT = 8001
"""Of svc-1, see swarmpy/testing/workload.py."""


def in_a_swarm(scenario: Callable[[Swarm], Awaitable[None]], seed: int = 1) -> None:
    """Run a scenario in a swarm of 3 managers and 5 workers, which must settle after it."""

    async def main(_rng: random.Random) -> None:
        async with Swarm(seed) as swarm:
            await scenario(swarm)
            await swarm.run_for(60)
            assert unsettled(swarm) == []

    run(main, seed)


async def create(swarm: Swarm, replicas: int, name: str = "svc-1") -> None:
    request = CreateServiceRequest(spec=spec_of(name, (replicas, "demo:1")))
    with errors_from_the_wire():
        await swarm.client().CreateService(request, timeout=15)


def running(swarm: Swarm) -> dict[str, str]:
    """Return task id -> node of every container that runs."""
    return {task: node for node, tasks in swarm.running_on().items() for task in tasks}


async def until_running(swarm: Swarm, count: int, within_s: float) -> None:
    await swarm.until(lambda: len(running(swarm)) == count, within_s, f"{count} tasks run")


def leader_of(swarm: Swarm) -> str:
    leader = swarm.leader()
    assert leader is not None
    return leader.name


def now() -> float:
    return asyncio.get_running_loop().time()


def test_a_service_runs_within_a_second_and_answers_on_every_node() -> None:
    async def scenario(swarm: Swarm) -> None:
        await create(swarm, 3)
        await until_running(swarm, 3, within_s=1)
        await swarm.run_for(1)
        for host in swarm.hosts.values():
            assert len(host.data_plane.reachable(PORT)) == 3

    in_a_swarm(scenario)


def test_scaling_down_and_removing_stop_what_is_not_wanted() -> None:
    async def scenario(swarm: Swarm) -> None:
        await create(swarm, 6)
        await until_running(swarm, 6, within_s=2)
        scale = ScaleServiceRequest(service="svc-1", replicas=2)
        await swarm.client().ScaleService(scale, timeout=15)
        await until_running(swarm, 2, within_s=5)
        await swarm.client().RemoveService(RemoveServiceRequest(service="svc-1"), timeout=15)
        await until_running(swarm, 0, within_s=5)

    in_a_swarm(scenario)


def test_a_worker_that_loses_power_is_replaced_within_20_s() -> None:
    async def scenario(swarm: Swarm) -> None:
        await create(swarm, 6)
        await until_running(swarm, 6, within_s=2)
        victim = next(node for node in running(swarm).values() if node.startswith("w"))
        await swarm.crash(victim)
        assert len(running(swarm)) < 6
        await until_running(swarm, 6, within_s=20)
        swarm.restart(victim)

    in_a_swarm(scenario)


def test_a_leader_that_loses_power_costs_writes_5_s_and_other_nodes_nothing() -> None:
    async def scenario(swarm: Swarm) -> None:
        await create(swarm, 6)
        await until_running(swarm, 6, within_s=2)
        old = leader_of(swarm)
        elsewhere = {task: node for task, node in running(swarm).items() if node != old}
        crashed_s = now()
        await swarm.crash(old)
        await create(swarm, 1, name="svc-2")
        assert now() - crashed_s < 5
        await swarm.run_for(60)
        assert elsewhere.items() <= running(swarm).items()
        swarm.restart(old)

    in_a_swarm(scenario)


def test_a_daemon_that_restarts_finds_its_containers_running() -> None:
    async def scenario(swarm: Swarm) -> None:
        await create(swarm, 6)
        await until_running(swarm, 6, within_s=2)
        before = running(swarm)
        victim = next(node for node in before.values() if node.startswith("w"))
        await swarm.stop(victim)
        await swarm.run_for(3)
        swarm.restart(victim)
        await swarm.run_for(30)
        assert running(swarm) == before
        assert set(swarm.hosts[victim].runtime.starts.values()) == {1}

    in_a_swarm(scenario)


def test_what_a_dead_leader_ran_runs_elsewhere_within_20_s() -> None:
    async def scenario(swarm: Swarm) -> None:
        await create(swarm, 8)
        await until_running(swarm, 8, within_s=2)
        old = leader_of(swarm)
        await swarm.crash(old)
        assert len(running(swarm)) < 8
        await until_running(swarm, 8, within_s=20)
        swarm.restart(old)

    in_a_swarm(scenario)


@pytest.mark.parametrize("seed", range(3))
def test_an_acknowledged_write_survives_a_power_cut_at_that_moment(seed: int) -> None:
    async def scenario(swarm: Swarm) -> None:
        for name in swarm.world.managers:
            swarm.slow_disk(name, 0.4)
        await swarm.run_for(2)
        await create(swarm, 1)
        async with asyncio.TaskGroup() as cuts:
            for name in swarm.world.managers:
                cuts.create_task(swarm.crash(name))
        for name in swarm.world.managers:
            swarm.slow_disk(name, 0.002)
            swarm.restart(name)
        await swarm.run_for(10)
        services = await swarm.client().ListServices(ListServicesRequest(), timeout=15)
        assert [service.spec.name for service in services.services] == ["svc-1"]

    in_a_swarm(scenario, seed)


def test_a_manager_that_has_just_started_says_that_nobody_leads() -> None:
    async def scenario(swarm: Swarm) -> None:
        for name in swarm.world.managers:
            await swarm.crash(name)
        swarm.restart("m1")
        await swarm.run_for(1)
        with pytest.raises(NoLeader, match="1 of 3 managers answer"):
            await create(swarm, 1)
        swarm.restart("m2")
        await create(swarm, 1)
        swarm.restart("m3")

    in_a_swarm(scenario)


def test_managers_that_all_lose_power_come_back_with_everything() -> None:
    async def scenario(swarm: Swarm) -> None:
        await create(swarm, 6)
        await until_running(swarm, 6, within_s=2)
        on_workers = {task: node for task, node in running(swarm).items() if node[0] == "w"}
        for name in swarm.world.managers:
            await swarm.crash(name)
        await swarm.run_for(30)
        assert on_workers.items() <= running(swarm).items()
        for name in swarm.world.managers:
            swarm.restart(name)
        await swarm.run_for(30)
        services = await swarm.client().ListServices(ListServicesRequest(), timeout=15)
        assert [service.spec.name for service in services.services] == ["svc-1"]
        assert on_workers.items() <= running(swarm).items()

    in_a_swarm(scenario)


def test_tasks_run_on_while_no_manager_can_be_reached() -> None:
    async def scenario(swarm: Swarm) -> None:
        await create(swarm, 6)
        await until_running(swarm, 6, within_s=2)
        await swarm.run_for(2)
        before = running(swarm)
        routes = [host.data_plane.reachable(PORT) for host in swarm.hosts.values()]
        workers = [name for name in swarm.hosts if name not in swarm.world.managers]
        for a, b in (("m1", "m2"), ("m1", "m3"), ("m2", "m3")):
            swarm.partition(a, b)
        for worker in workers:
            for manager in swarm.world.managers:
                swarm.partition(worker, manager)
        await swarm.run_for(60)
        assert running(swarm) == before
        assert [host.data_plane.reachable(PORT) for host in swarm.hosts.values()] == routes
        swarm.heal()

    in_a_swarm(scenario)


def test_a_full_disk_of_the_leader_refuses_writes_and_says_so() -> None:
    async def scenario(swarm: Swarm) -> None:
        swarm.fill_disk(leader_of(swarm))
        with pytest.raises(StorageFull, match="disk is full"):
            await create(swarm, 1)
        swarm.free_disk(leader_of(swarm))
        await create(swarm, 1)

    in_a_swarm(scenario)


@pytest.mark.parametrize("seed", range(3))
def test_a_leader_whose_disk_fails_lets_go_of_the_lead_and_comes_back(seed: int) -> None:
    async def scenario(swarm: Swarm) -> None:
        await create(swarm, 6)
        await until_running(swarm, 6, within_s=2)
        old = leader_of(swarm)
        swarm.fail_disk(old, fails=True)
        scale = ScaleServiceRequest(service="svc-1", replicas=5)
        assert type(await raised_by(swarm.client(old).ScaleService(scale, timeout=15))) in {
            OutcomeUnknown,
            Unavailable,
        }
        await swarm.run_for(5)
        assert leader_of(swarm) != old
        swarm.fail_disk(old, fails=False)

    in_a_swarm(scenario, seed)


def test_clocks_that_are_wrong_hurt_nobody() -> None:
    async def scenario(swarm: Swarm) -> None:
        for node, skew_s in (("m1", -40.0), ("m2", 40.0), ("w1", 25.0), ("w2", -25.0)):
            swarm.skew(node, skew_s)
        await create(swarm, 6)
        await until_running(swarm, 6, within_s=2)
        before = running(swarm)
        await swarm.run_for(60)
        assert running(swarm) == before

    in_a_swarm(scenario)
