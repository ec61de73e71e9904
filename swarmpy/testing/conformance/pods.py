"""What a `seams.Runtime` promises of tasks with several containers."""

from __future__ import annotations

from contextlib import aclosing

from swarmpy.core.pod import SANDBOX
from swarmpy.errors import WrongState
from swarmpy.pb.objects_pb2 import Task
from swarmpy.pb.specs_pb2 import TaskSpec
from swarmpy.pb.types_pb2 import MOUNT_TYPE_EPHEMERAL, Mount, PortConfig
from swarmpy.task_group import TaskGroup
from swarmpy.testing.conformance.behaviour import UP, Behaviour
from swarmpy.testing.conformance.runtime import (
    GRACE_S,
    KILLED,
    NOTHING,
    Bench,
    Promise,
    options,
    refuses,
)


def pod(bench: Bench, **containers: Behaviour) -> Task:
    """Return a pod whose containers behave so; `init` is an init container."""
    specs = {name: bench.container(behaviour) for name, behaviour in containers.items()}
    for name, spec in specs.items():
        spec.name = name
    inits = [specs.pop("init")] if "init" in specs else []
    task = bench.task(Behaviour())
    task.spec.CopyFrom(TaskSpec(containers=specs.values(), init_containers=inits))
    return task


async def up(bench: Bench, task: Task, *names: str) -> str:
    """Return the task's id once these containers have printed their first lines."""
    await bench.runtime.prepare(task, NOTHING)
    for name in names:
        await bench.runtime.start(task.id, name)
        await first_line(bench, task.id, name)
    return task.id


async def first_line(bench: Bench, task_id: str, name: str) -> None:
    wanted = options(follow=True)
    wanted.container = name
    async with aclosing(bench.runtime.logs(task_id, wanted)) as lines:
        line = await anext(lines)
    assert (line.data, line.container) == (UP.encode(), name)


async def each_container_has_its_own_life(bench: Bench) -> None:
    task = pod(bench, web=Behaviour(), log=Behaviour(), init=Behaviour(exit_code=0))
    await bench.runtime.prepare(task, NOTHING)
    made = await bench.runtime.inspect_pod(task.id)
    assert set(made) - {SANDBOX} == {"web", "log", "init"}
    assert {(one.running, one.exit, one.run_id) for one in made.values()} == {(False, None, "")}
    await bench.runtime.start(task.id, "init")
    assert (await bench.runtime.wait(task.id, "init")).code == 0
    await up(bench, task, "web")
    found = await bench.runtime.inspect_pod(task.id)
    assert (found["web"].running, found["log"].running, found["init"].running) == (
        True, False, False,
    )  # fmt: skip
    assert found["web"].run_id
    assert {one.task_id for one in await bench.runtime.containers()} == {task.id}
    assert await bench.runtime.inspect_pod(await bench.prepared(Behaviour())) == {}


async def the_ports_are_the_pods(bench: Bench) -> None:
    task = pod(bench, web=Behaviour(), log=Behaviour())
    task.ports.append(PortConfig(target=9090))
    await up(bench, task, "web", "log")
    found = await bench.runtime.inspect_pod(task.id)
    ports, *others = [one.ports for one in found.values() if one.ports]
    assert all(told == ports for told in others)
    assert [port.target for port in ports] == [8080, 9090]
    await bench.runtime.stop(task.id, GRACE_S, "web")
    await bench.runtime.restart(task.id, "web")
    after = await bench.runtime.inspect_pod(task.id)
    assert all(one.ports == ports for one in after.values() if one.ports)


async def a_container_is_restarted_in_place(bench: Bench) -> None:
    task = pod(bench, web=Behaviour(), log=Behaviour())
    task_id = await up(bench, task, "web", "log")
    before = await bench.runtime.inspect_pod(task_id)
    await bench.runtime.stop(task_id, GRACE_S, "web")
    ended = (await bench.runtime.inspect_pod(task_id))["web"]
    assert ended.exit is not None
    assert (ended.running, ended.run_id) == (False, before["web"].run_id)
    assert not (await bench.runtime.start(task_id, "web")).running, "a start is no restart"
    again = await bench.runtime.restart(task_id, "web")
    assert again.running
    assert again.run_id not in {"", before["web"].run_id}
    assert await bench.runtime.restart(task_id, "web") == again, "what runs is left alone"
    after = await bench.runtime.inspect_pod(task_id)
    assert after["log"] == before["log"]
    assert after["web"].address == before["web"].address


async def who_waits_for_one_learns_of_its_end(bench: Bench) -> None:
    task_id = await up(bench, pod(bench, web=Behaviour(), log=Behaviour()), "web", "log")
    async with TaskGroup() as group:
        web, log = (group.create_task(bench.runtime.wait(task_id, n)) for n in ("web", "log"))
        await bench.runtime.stop(task_id, GRACE_S, "web")
        assert (await web).code == 143
        assert not log.done()
        await bench.runtime.remove(task_id)
        assert (await log).code == KILLED


async def a_pod_is_stopped_and_removed_as_one(bench: Bench) -> None:
    task_id = await up(bench, pod(bench, web=Behaviour(), log=Behaviour()), "web", "log")
    for _ in range(2):
        await bench.runtime.stop(task_id, GRACE_S)
    found = await bench.runtime.inspect_pod(task_id)
    assert not any(one.running for one in found.values())
    for _ in range(2):
        await bench.runtime.remove(task_id)
    assert await bench.runtime.inspect_pod(task_id) == {}
    assert await bench.runtime.containers() == []


async def making_and_starting_a_pod_may_be_repeated(bench: Bench) -> None:
    task = pod(bench, web=Behaviour(), log=Behaviour())
    for _ in range(2):
        await bench.runtime.prepare(task, NOTHING)
    first = await bench.runtime.start(task.id, "web")
    await bench.runtime.prepare(task, NOTHING)
    assert await bench.runtime.start(task.id, "web") == first


async def one_container_is_entered(bench: Bench) -> None:
    task_id = await up(bench, pod(bench, web=Behaviour(), log=Behaviour()), "log")
    running = bench.runtime.exec(task_id, ["echo", "hi"], None, tty=False, container="log")
    assert b"".join([one.stdout async for one in running]) == b"hi\n"
    await refuses(WrongState, bench.run(task_id, "echo", "hi"))  # the first one does not run
    usage = await bench.runtime.usage(task_id)
    assert usage.pids >= 1


async def ephemeral_volumes_go_with_the_task(bench: Bench) -> None:
    task = pod(bench, web=Behaviour(), log=Behaviour())
    for spec in task.spec.containers:
        spec.mounts.append(
            Mount(type=MOUNT_TYPE_EPHEMERAL, source="scratch", target="/scratch", in_memory=True)
        )
    await up(bench, task, "web", "log")
    await bench.runtime.remove(task.id)
    assert await bench.runtime.containers() == []


POD_PROMISES: tuple[Promise, ...] = (
    each_container_has_its_own_life,
    the_ports_are_the_pods,
    a_container_is_restarted_in_place,
    who_waits_for_one_learns_of_its_end,
    a_pod_is_stopped_and_removed_as_one,
    making_and_starting_a_pod_may_be_repeated,
    one_container_is_entered,
    ephemeral_volumes_go_with_the_task,
)
