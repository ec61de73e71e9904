"""Stateful services in a whole swarm: names stay, data stays, and no name runs twice."""

from __future__ import annotations

import random

import pytest

from swarmpy.core.task_life import keeps_slot
from swarmpy.pb.control_pb2 import (
    CreateServiceRequest,
    ExplainRequest,
    ListTasksRequest,
    ListVolumesRequest,
    RemoveNodeRequest,
    RemoveServiceRequest,
    RemoveVolumeRequest,
    ScaleServiceRequest,
    UpdateNodeRequest,
)
from swarmpy.pb.objects_pb2 import Task, Volume
from swarmpy.pb.specs_pb2 import VOLUME_SCOPE_SLOT, VolumeSpec
from swarmpy.pb.types_pb2 import (
    AVAILABILITY_ACTIVE,
    AVAILABILITY_DRAIN,
    TASK_STATE_RUNNING,
)
from swarmpy.store.view import View
from swarmpy.testing.builders import service, stateful_spec, task
from swarmpy.testing.one_at_a_time import (
    DATA,
    away_from_volumes,
    declare_data,
    twice_by_name,
)
from swarmpy.testing.simulation import Swarm
from swarmpy.testing.virtual_loop import run
from tests.simulation.test_scenarios import in_a_swarm, running, until_running


async def create(swarm: Swarm, replicas: int, *, with_data: bool) -> None:
    leader = swarm.leader()
    assert leader is not None
    spec = stateful_spec("db", replicas=replicas)
    if with_data:
        await declare_data(swarm.stores()[leader.name])
        spec.task.containers[0].mounts.add(source=DATA, target="/data")
    await swarm.client().CreateService(CreateServiceRequest(spec=spec), timeout=15)
    await until_running(swarm, replicas, within_s=10)


async def tasks(swarm: Swarm) -> dict[str, Task]:
    """Return name -> the task that keeps its slot."""
    answer = await swarm.client().ListTasks(ListTasksRequest(service="db"), timeout=15)
    return {one.name: one for one in answer.tasks if keeps_slot(one)}


async def homes(swarm: Swarm) -> dict[str, list[str]]:
    answer = await swarm.client().ListVolumes(ListVolumesRequest(), timeout=15)
    rows = [one.volume for one in answer.volumes]
    return {row.spec.name: list(row.node_ids) for row in rows if row.service_id}


async def worker_with_a_task(swarm: Swarm) -> Task:
    return next(one for one in (await tasks(swarm)).values() if one.node_id.startswith("w"))


def test_a_name_comes_back_on_its_volume_when_its_machine_does() -> None:
    async def scenario(swarm: Swarm) -> None:
        await create(swarm, 4, with_data=True)
        before = await homes(swarm)
        victim = await worker_with_a_task(swarm)
        await swarm.crash(victim.node_id)
        await swarm.run_for(30)
        assert len(running(swarm)) == 3, "nobody else could have its data"
        swarm.restart(victim.node_id)
        await until_running(swarm, 4, within_s=20)
        assert await homes(swarm) == before

    in_a_swarm(scenario)


def test_without_data_it_runs_elsewhere_once_the_machine_was_removed_and_not_before() -> None:
    async def scenario(swarm: Swarm) -> None:
        await create(swarm, 4, with_data=False)
        victim = await worker_with_a_task(swarm)
        for other in swarm.hosts:
            if other != victim.node_id:
                swarm.partition(victim.node_id, other)
        await swarm.run_for(30)
        assert victim.id in running(swarm), "it runs on, unheard"
        waiting = (await tasks(swarm))[victim.name]
        assert waiting.id != victim.id
        explained = await swarm.client().Explain(ExplainRequest(target=victim.name), timeout=15)
        said = explained.tasks[0].summary
        assert f"is known to have ended: bring {victim.node_id} back" in said
        await swarm.crash(victim.node_id)
        remove = RemoveNodeRequest(node=victim.node_id, force=True)
        await swarm.client().RemoveNode(remove, timeout=15)
        await until_running(swarm, 4, within_s=5)

    async def main(_rng: random.Random) -> None:
        async with Swarm(1) as swarm:  # not to settle: a node that was removed stays away
            await scenario(swarm)

    run(main, 1)


def test_a_drained_node_s_task_stops_and_waits_for_it() -> None:
    async def scenario(swarm: Swarm) -> None:
        await create(swarm, 4, with_data=True)
        victim = await worker_with_a_task(swarm)
        drain = UpdateNodeRequest(node=victim.node_id, availability=AVAILABILITY_DRAIN)
        await swarm.client().UpdateNode(drain, timeout=15)
        await until_running(swarm, 3, within_s=15)
        await swarm.run_for(5)
        waiting = (await tasks(swarm))[victim.name]
        assert "is drained" in waiting.pending_reason
        active = UpdateNodeRequest(node=victim.node_id, availability=AVAILABILITY_ACTIVE)
        await swarm.client().UpdateNode(active, timeout=15)
        await until_running(swarm, 4, within_s=5)

    in_a_swarm(scenario)


def test_removed_data_is_gone_from_its_machine_also_from_one_that_was_away() -> None:
    async def scenario(swarm: Swarm) -> None:
        await create(swarm, 4, with_data=True)
        victim = await worker_with_a_task(swarm)
        scale = ScaleServiceRequest(service="db", replicas=0)
        await swarm.client().ScaleService(scale, timeout=15)
        await until_running(swarm, 0, within_s=30)
        assert len(await homes(swarm)) == 4
        remove = RemoveServiceRequest(service="db")
        await swarm.client().RemoveService(remove, timeout=15)
        await swarm.run_for(10)
        assert len(await homes(swarm)) == 4
        await swarm.crash(victim.node_id)
        await swarm.run_for(15)
        for name in await homes(swarm):
            await swarm.client().RemoveVolume(RemoveVolumeRequest(volume=name), timeout=15)
        await swarm.run_for(10)
        assert list(await homes(swarm)) == [f"data-{victim.name}"]
        swarm.restart(victim.node_id)
        await swarm.run_for(20)
        assert await homes(swarm) == {}
        assert all(not host.runtime.volumes for host in swarm.hosts.values())

    in_a_swarm(scenario)


def db_task(task_id: str, on: str) -> Task:
    row = task(task_id, of=service("s1", stateful_spec("db")), on=on, state=TASK_STATE_RUNNING)
    row.name = "db-0"
    row.volumes[DATA] = "v0"
    return row


def test_the_judge_sees_a_name_that_runs_twice() -> None:
    view = View()
    for row in (db_task("t1", "w1"), db_task("t2", "w2")):
        view.tasks.put(row.id, row)
    assert not list(twice_by_name(view, {"w1": frozenset({"t1"}), "w2": frozenset()}))
    assert list(twice_by_name(view, {"w1": frozenset({"t1"}), "w2": frozenset({"t2"})}))


@pytest.mark.parametrize(("on", "wrong"), [("w1", 0), ("w2", 1)], ids=["there", "elsewhere"])
def test_the_judge_sees_a_task_that_is_not_where_its_volume_is(on: str, wrong: int) -> None:
    view = View()
    spec = VolumeSpec(name="data-db-0", scope=VOLUME_SCOPE_SLOT)
    view.volumes.put("v0", Volume(id="v0", service_id="s1", slot=1, node_ids=["w1"], spec=spec))
    view.tasks.put("t1", db_task("t1", on))
    assert len(list(away_from_volumes(view))) == wrong
