"""Pods on a real engine: what their containers share, and what outlives them."""

from __future__ import annotations

import asyncio
import urllib.request
from pathlib import Path

import pytest
from docker import APIClient

from swarmpy.core.pod import SANDBOX
from swarmpy.errors import TaskRefused
from swarmpy.pb.dispatcher_pb2 import LogOptions
from swarmpy.pb.objects_pb2 import Config, Task
from swarmpy.pb.specs_pb2 import ConfigSpec, ContainerSpec, TaskSpec
from swarmpy.pb.types_pb2 import (
    MOUNT_TYPE_EPHEMERAL,
    FileReference,
    Mount,
    PortConfig,
    Resources,
)
from swarmpy.runtime.docker import DockerRuntime
from swarmpy.seams import Dependencies
from tests.conformance.conftest import IMAGE, MakeRuntime

pytestmark = pytest.mark.engine

NOTHING = Dependencies({}, {}, {})
SERVE = "mkdir -p /www; echo hello >/www/index.html; exec httpd -f -p 8080 -h /www"
SLEEP = "trap 'exit 0' TERM; while :; do sleep 60 & wait; done"


@pytest.fixture
def runtime(docker_runtime: MakeRuntime, node_id: str) -> DockerRuntime:
    return docker_runtime(node_id)


def container(name: str, line: str = SLEEP, *mounts: Mount) -> ContainerSpec:
    return ContainerSpec(name=name, image=IMAGE, command=["sh", "-c", line], mounts=mounts)


def pod(node_id: str, *containers: ContainerSpec, inits: tuple[ContainerSpec, ...] = ()) -> Task:
    return Task(
        id=f"{node_id}t",
        service_name="shop_web",
        slot=1,
        node_id=node_id,
        spec=TaskSpec(containers=containers, init_containers=inits),
        ports=[PortConfig(target=8080)],
    )


def scratch(*, in_memory: bool) -> Mount:
    return Mount(
        type=MOUNT_TYPE_EPHEMERAL, source="scratch", target="/scratch", in_memory=in_memory
    )


async def up(runtime: DockerRuntime, task: Task, needs: Dependencies = NOTHING) -> None:
    await runtime.prepare(task, needs)
    for spec in task.spec.init_containers:
        await runtime.start(task.id, spec.name)
        assert (await runtime.wait(task.id, spec.name)).code == 0
    for spec in task.spec.containers:
        await runtime.start(task.id, spec.name)


async def say(runtime: DockerRuntime, task: Task, name: str, line: str) -> str:
    outputs = runtime.exec(task.id, ["sh", "-c", line], None, tty=False, container=name)
    return b"".join([one.stdout + one.stderr async for one in outputs]).decode().strip()


async def until_served(runtime: DockerRuntime, task: Task) -> str:
    said = ""
    for _ in range(100):
        said = await say(runtime, task, "log", "wget -q -O - http://localhost:8080/ 2>&1")
        if said == "hello":
            break
        await asyncio.sleep(0.05)
    return said


async def test_containers_of_a_pod_share_localhost_and_the_hosts_name(
    runtime: DockerRuntime, node_id: str
) -> None:
    task = pod(node_id, container("web", SERVE), container("log"))
    task.spec.containers[0].hostname = "shop"
    task.spec.containers[1].extra_hosts.append("db:10.9.8.7")
    await up(runtime, task)
    assert await until_served(runtime, task) == "hello"
    assert await say(runtime, task, "log", "hostname") == "shop"
    assert "10.9.8.7" in await say(runtime, task, "web", "cat /etc/hosts")
    ipcs = {await say(runtime, task, name, "readlink /proc/1/ns/ipc") for name in ("web", "log")}
    nets = {await say(runtime, task, name, "readlink /proc/1/ns/net") for name in ("web", "log")}
    assert (len(ipcs), len(nets)) == (1, 1)


@pytest.mark.parametrize("in_memory", [False, True])
async def test_a_volume_is_shared_outlives_init_containers_and_goes_with_the_task(
    runtime: DockerRuntime, node_id: str, docker_host: str, in_memory: bool
) -> None:
    mount = scratch(in_memory=in_memory)
    task = pod(
        node_id,
        container("web", SLEEP, mount),
        container("log", SLEEP, mount),
        inits=(container("fetch", "echo fetched >/scratch/page", mount),),
    )
    await up(runtime, task)
    assert await say(runtime, task, "web", "cat /scratch/page") == "fetched"
    await say(runtime, task, "web", "echo more >/scratch/more")
    assert await say(runtime, task, "log", "cat /scratch/more") == "more"
    kind = await say(runtime, task, "log", "stat -f -c %T /scratch")
    assert (kind == "tmpfs") is in_memory
    await runtime.remove(task.id)
    client = APIClient(docker_host)
    try:
        assert not client.volumes({"label": f"swarmpy.task={task.id}"})["Volumes"]
    finally:
        client.close()


async def test_a_volume_whose_containers_are_gone_is_removed_with_the_next_sweep(
    runtime: DockerRuntime, node_id: str, docker_host: str
) -> None:
    client = APIClient(docker_host)
    try:
        labels = {"swarmpy.node": node_id, "swarmpy.task": "gone"}
        client.create_volume(f"swarmpy-gone-{node_id}", "local", {}, labels)
        await runtime.containers()
        assert not client.volumes({"label": f"swarmpy.node={node_id}"})["Volumes"]
    finally:
        client.close()


async def test_a_restart_keeps_the_address_and_the_published_port(
    runtime: DockerRuntime, node_id: str
) -> None:
    task = pod(node_id, container("web", SERVE), container("log"))
    await up(runtime, task)
    before = await runtime.inspect_pod(task.id)
    await runtime.stop(task.id, 1.0, "web")
    await runtime.restart(task.id, "web")
    after = await runtime.inspect_pod(task.id)
    assert after["web"].address == before["web"].address != ""
    assert after[SANDBOX].ports == before[SANDBOX].ports
    assert await until_served(runtime, task) == "hello"
    (port,) = after[SANDBOX].ports

    def fetch() -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{port.host_port}/", timeout=5) as answer:
            data: bytes = answer.read()
        return data

    assert await asyncio.to_thread(fetch) == b"hello\n"


async def test_a_pod_whose_sandbox_was_killed_is_not_started_again(
    runtime: DockerRuntime, node_id: str, docker_host: str
) -> None:
    task = pod(node_id, container("web"), container("log"))
    await up(runtime, task)
    sandbox = (await runtime.inspect_pod(task.id))[SANDBOX]
    client = APIClient(docker_host)
    try:
        client.kill(sandbox.container_id)
    finally:
        client.close()
    assert (await runtime.wait(task.id, SANDBOX)).code == 137
    await runtime.stop(task.id, 1.0, "web")
    with pytest.raises(TaskRefused, match="sandbox"):
        await runtime.restart(task.id, "web")


async def test_a_new_runtime_adopts_a_pod(docker_runtime: MakeRuntime, node_id: str) -> None:
    old = docker_runtime(node_id)
    task = pod(node_id, container("web"), container("log"))
    await up(old, task)
    before = await old.inspect_pod(task.id)
    await old.close()
    new = docker_runtime(node_id)
    assert await new.inspect_pod(task.id) == before
    assert (await new.inspect(task.id)) is not None
    await new.prepare(task, NOTHING)
    assert await new.inspect_pod(task.id) == before


async def test_each_container_has_its_own_files_and_limits(
    runtime: DockerRuntime, node_id: str, docker_host: str, tmp_path: Path
) -> None:
    web, log = container("web"), container("log")
    for number, spec in enumerate((web, log)):
        spec.configs.append(FileReference(id=f"c{number}", name="page", target="/etc/page"))
    log.limits.CopyFrom(Resources(memory_bytes=64 << 20))
    task = pod(node_id, web, log)
    task.spec.limits.memory_bytes = 128 << 20
    configs = {
        f"c{number}": Config(id=f"c{number}", spec=ConfigSpec(data=b"%d" % number))
        for number in range(2)
    }
    await up(runtime, task, Dependencies(configs, {}, {}))
    assert await say(runtime, task, "web", "cat /etc/page") == "0"
    assert await say(runtime, task, "log", "cat /etc/page") == "1"
    client = APIClient(docker_host)
    try:
        found = await runtime.inspect_pod(task.id)
        bounds = {
            name: client.inspect_container(one.container_id)["HostConfig"]["Memory"]
            for name, one in found.items()
        }
    finally:
        client.close()
    assert bounds == {"web": 128 << 20, "log": 64 << 20, SANDBOX: 0}
    await runtime.remove(task.id)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


async def test_a_process_that_ends_leaves_its_lines_for_the_next_run(
    runtime: DockerRuntime, node_id: str
) -> None:
    task = pod(node_id, container("web", "echo run; exit 3"), container("log"))
    await up(runtime, task)
    await runtime.wait(task.id, "web")
    await runtime.restart(task.id, "web")
    assert (await runtime.wait(task.id, "web")).code == 3
    wanted = LogOptions(tail=-1, container="web")
    lines = [line.data async for line in runtime.logs(task.id, wanted)]
    assert lines == [b"run", b"run"]
