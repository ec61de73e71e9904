"""What is special about docker; what all runtimes share is in tests/conformance."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from docker import APIClient

from swarmpy.core.container import Container
from swarmpy.daemon.clock import SystemClock
from swarmpy.errors import EngineUnavailable, ImageMissing, TaskRefused
from swarmpy.pb.dispatcher_pb2 import LogOptions
from swarmpy.pb.objects_pb2 import Config, Network, NetworkAddress, Secret, Task
from swarmpy.pb.specs_pb2 import ConfigSpec, ContainerSpec, NetworkSpec, SecretSpec, TaskSpec
from swarmpy.pb.types_pb2 import FILE_CHANGE_LIVE, FileReference, PortConfig, Resources
from swarmpy.runtime.docker import DockerRuntime
from swarmpy.seams import Dependencies
from tests.conformance.conftest import IMAGE, MakeRuntime

pytestmark = pytest.mark.engine

NOTHING = Dependencies({}, {}, {})
SUBNET = "10.199.77.0/24"


@pytest.fixture
def runtime(docker_runtime: MakeRuntime, node_id: str) -> DockerRuntime:
    return docker_runtime(node_id)


@pytest.fixture
def task(node_id: str) -> Callable[..., Task]:
    def make(line: str = "sleep 600", *, number: int = 1, **fields: Any) -> Task:
        spec = {"name": "main", "image": IMAGE, "command": ["sh", "-c", line], **fields}
        return Task(
            id=f"{node_id}t{number}",
            service_name="shop_web",
            slot=number,
            node_id=node_id,
            spec=TaskSpec(containers=[ContainerSpec(**spec)]),
        )

    return make


@pytest.fixture
def network(node_id: str) -> Network:
    return Network(
        id=f"{node_id}net",
        spec=NetworkSpec(name="shop_default"),
        stack_id="s1",
        subnet=SUBNET,
    )


async def started(runtime: DockerRuntime, wanted: Task, needs: Dependencies = NOTHING) -> Container:
    await runtime.prepare(wanted, needs)
    return await runtime.start(wanted.id)


async def printed(runtime: DockerRuntime, task_id: str) -> list[str]:
    wanted = LogOptions(follow=True, tail=-1)
    return [line.data.decode() async for line in runtime.logs(task_id, wanted)]


async def output(runtime: DockerRuntime, task_id: str, *argv: str, tty: bool = False) -> str:
    outputs = runtime.exec(task_id, argv, None, tty=tty)
    return b"".join([one.stdout + one.stderr async for one in outputs]).decode()


async def test_a_new_runtime_adopts_what_the_old_one_started(
    docker_runtime: MakeRuntime, node_id: str, task: Callable[..., Task]
) -> None:
    old = docker_runtime(node_id)
    before = await started(old, task("sleep 0.5; exit 7"))
    await old.close()
    new = docker_runtime(node_id)
    assert await new.containers() == [before]
    assert await new.start(before.task_id) == before
    assert (await new.wait(before.task_id)).code == 7


async def test_a_missing_image_is_pulled_once_and_refused_in_the_engine_s_words(
    runtime: DockerRuntime, task: Callable[..., Task]
) -> None:
    wanted = [task(number=n, image="registry.invalid/no/such:1") for n in range(3)]
    async with asyncio.timeout(10):
        refused = await asyncio.gather(
            *(runtime.prepare(one, NOTHING) for one in wanted), return_exceptions=True
        )
    assert {type(one) for one in refused} == {ImageMissing}
    assert len({id(one) for one in refused}) == 1, "one pull, one answer"
    (said,) = {str(one) for one in refused}
    assert said.startswith("no image registry.invalid/no/such:1 here, and it cannot be pulled: ")
    assert isinstance(refused[0], ImageMissing)
    assert "docker pull" in refused[0].remedy
    assert await runtime.containers() == []


async def test_files_are_there_as_asked_and_go_with_the_task(
    runtime: DockerRuntime, task: Callable[..., Task], tmp_path: Path, node_id: str
) -> None:
    config = FileReference(id="c", name="page", target="/etc/page", uid=12, gid=34, mode=0o640)
    secret = FileReference(id="s", name="key", target="/run/secrets/key", mode=0o400)
    wanted = task(
        "stat -c '%a %u %g' /etc/page /run/secrets/key; cat /etc/page /run/secrets/key; "
        "echo x 2>&1 >/etc/page; exit 0",
        configs=[config],
        secrets=[secret],
    )
    needs = Dependencies(
        {"c": Config(id="c", spec=ConfigSpec(data=b"config\n"))},
        {"s": Secret(id="s", spec=SecretSpec(data=b"s3cret\n"))},
        {},
    )
    await started(runtime, wanted, needs)
    await runtime.wait(wanted.id)
    lines = await printed(runtime, wanted.id)
    assert lines[:4] == ["640 12 34", "400 0 0", "config", "s3cret"]
    assert "Read-only file system" in lines[4]
    assert not [path for path in tmp_path.rglob("*") if path.is_file()], "nothing is on a disk"
    (kept,) = Path("/dev/shm").glob(f"swarmpy-*-{node_id}/{wanted.id}")
    assert kept.stat().st_mode & 0o077 == 0
    await runtime.remove(wanted.id)
    assert not list(Path("/dev/shm").glob(f"swarmpy-*-{node_id}/{wanted.id}"))


async def test_files_of_a_directory_change_while_the_container_runs(
    runtime: DockerRuntime, task: Callable[..., Task]
) -> None:
    live = FileReference(name="app", target="/etc/app", on_change=FILE_CHANGE_LIVE, mode=0o444)
    wanted = task(configs=[live], user="1234")

    def version(**entries: bytes) -> Dependencies:
        config = Config(id="c", spec=ConfigSpec(name="app", entries=entries))
        return Dependencies({"c": config}, {}, {}, newest={"configs/app": "c"})

    await started(runtime, wanted, version(a=b"1", b=b"2"))
    assert await output(runtime, wanted.id, "sh", "-c", "cd /etc/app; ls; cat a b") == "a\nb\n12"
    await runtime.refresh(wanted, version(a=b"3", c=b"4"))
    assert await output(runtime, wanted.id, "sh", "-c", "cd /etc/app; ls; cat a c") == "a\nc\n34"
    assert "Read-only" in await output(runtime, wanted.id, "sh", "-c", "echo x >/etc/app/a")


async def test_ports_are_bound_on_the_node_s_own_address(
    runtime: DockerRuntime, task: Callable[..., Task], docker_host: str
) -> None:
    wanted = task()
    wanted.ports.extend([PortConfig(target=9000, published=80), PortConfig(target=9001)])
    made = await started(runtime, wanted)
    assert [port.target for port in made.ports] == [9000, 9001]
    engine = APIClient(docker_host)
    for port in made.ports:
        (bound,) = engine.port(made.container_id, port.target)
        assert bound == {"HostIp": "127.0.0.1", "HostPort": str(port.host_port)}
    engine.close()


async def test_tasks_reach_each_other_by_name_at_the_address_they_were_given(
    docker_runtime: MakeRuntime,
    node_id: str,
    task: Callable[..., Task],
    network: Network,
    docker_host: str,
) -> None:
    one, two = docker_runtime(node_id), docker_runtime(f"{node_id}x")
    needs = Dependencies({}, {}, {network.id: network})
    servers = [task(number=number) for number in (1, 2)]
    for server in servers:
        address = f"10.199.77.{10 + server.slot}/24"
        server.addresses.extend([NetworkAddress(network_id=network.id, address=address)])
    await asyncio.gather(*(started(*both, needs) for both in zip((one, two), servers, strict=True)))
    found = await output(one, servers[0].id, "nslookup", "web")
    assert "10.199.77.11" in found
    assert "10.199.77.12" in found
    await two.remove_all()
    assert "inet 10.199.77.11/24" in await output(one, servers[0].id, "ip", "address")
    await one.remove_all()
    engine = APIClient(docker_host)
    assert engine.networks(names=[f"swarmpy-{network.id}"]) == []
    engine.close()


async def test_a_network_that_is_gone_from_the_swarm_leaves_its_subnet_to_the_next(
    runtime: DockerRuntime, task: Callable[..., Task], network: Network
) -> None:
    old, new = task(number=1), task(number=2)
    await runtime.prepare(old, Dependencies({}, {}, {network.id: network}))
    await runtime.remove(old.id)
    newer = Network(id=f"{network.id}2", spec=network.spec, subnet=network.subnet)
    await runtime.prepare(new, Dependencies({}, {}, {newer.id: newer}))
    assert (await runtime.start(new.id)).running


async def test_a_node_that_shares_the_engine_leaves_the_network_of_a_task_that_starts_soon(
    docker_runtime: MakeRuntime, node_id: str, task: Callable[..., Task], network: Network
) -> None:
    one, two = docker_runtime(node_id), docker_runtime(f"{node_id}x")
    wanted = task()
    await one.prepare(wanted, Dependencies({}, {}, {network.id: network}))
    await two.remove_all()
    assert (await one.start(wanted.id)).running


async def test_a_network_that_was_removed_before_the_start_is_made_anew(
    runtime: DockerRuntime, task: Callable[..., Task], network: Network, docker_host: str
) -> None:
    wanted = task()
    wanted.addresses.extend([NetworkAddress(network_id=network.id, address="10.199.77.9/24")])
    await runtime.prepare(wanted, Dependencies({}, {}, {network.id: network}))
    engine = APIClient(docker_host)
    engine.remove_network(f"swarmpy-{network.id}")
    engine.close()
    assert (await runtime.start(wanted.id)).running
    assert "inet 10.199.77.9/24" in await output(runtime, wanted.id, "ip", "address")


async def test_a_task_may_be_in_several_networks(
    runtime: DockerRuntime, task: Callable[..., Task], network: Network
) -> None:
    back = Network(id=f"{network.id}b", spec=NetworkSpec(name="shop_back"), subnet="10.199.78.0/24")
    wanted = task()
    for one, host in ((network, "10.199.77.9"), (back, "10.199.78.9")):
        wanted.addresses.extend([NetworkAddress(network_id=one.id, address=f"{host}/24")])
    for _ in range(2):
        await runtime.prepare(wanted, Dependencies({}, {}, {network.id: network, back.id: back}))
    await runtime.start(wanted.id)
    addresses = await output(runtime, wanted.id, "ip", "address")
    assert "inet 10.199.77.9/24" in addresses
    assert "inet 10.199.78.9/24" in addresses


async def test_too_much_memory_is_told_apart(
    runtime: DockerRuntime, task: Callable[..., Task]
) -> None:
    wanted = task("x=$(head -c 64m /dev/zero | tr '\\0' x); exit 0")
    wanted.spec.limits.CopyFrom(Resources(memory_bytes=16 << 20))
    await started(runtime, wanted)
    end = await runtime.wait(wanted.id)
    assert (end.code, end.oom_killed) == (137, True)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"command": ["no-such-program"]}, "no-such-program"),
        ({"user": "nobody-at-all"}, "nobody-at-all"),
    ],
    ids=["program", "user"],
)
async def test_what_cannot_start_is_refused_in_the_engine_s_words(
    runtime: DockerRuntime, task: Callable[..., Task], fields: dict[str, Any], message: str
) -> None:
    wanted = task(**fields)
    with pytest.raises(TaskRefused, match=message):
        await started(runtime, wanted)


async def test_a_file_s_target_stays_in_its_tree(
    runtime: DockerRuntime, task: Callable[..., Task]
) -> None:
    wanted = task(configs=[FileReference(id="c", name="page", target="/a/../../../b")])
    needs = Dependencies({"c": Config(id="c", spec=ConfigSpec(data=b"x"))}, {}, {})
    with pytest.raises(TaskRefused, match="leads out of its tree"):
        await runtime.prepare(wanted, needs)


async def test_terminals(runtime: DockerRuntime, task: Callable[..., Task]) -> None:
    wanted = task("echo one; tty; sleep 600", tty=True)
    await started(runtime, wanted)
    wanted_lines = LogOptions(follow=True, tail=-1)
    lines = runtime.logs(wanted.id, wanted_lines)
    assert [(await anext(lines)).data for _ in range(2)] == [b"one", b"/dev/pts/0"]
    await lines.aclose()
    assert "/dev/pts/" in await output(runtime, wanted.id, "tty", tty=True)


async def test_whoever_gives_up_a_preparation_finds_what_came_of_it(
    runtime: DockerRuntime, task: Callable[..., Task]
) -> None:
    for number in range(1, 6):
        wanted = task(number=number)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.002 * number):
                await runtime.prepare(wanted, NOTHING)
        await runtime.remove(wanted.id)
    assert await runtime.containers() == []


# --- an engine that does not answer


async def test_an_engine_that_is_not_there(tmp_path: Path) -> None:
    url = f"unix://{tmp_path}/nothing.sock"
    runtime = DockerRuntime("n1", "127.0.0.1", url, tmp_path, SystemClock())
    for work in (runtime.describe(), runtime.containers(), runtime.wait("t1")):
        with pytest.raises(EngineUnavailable, match=str(tmp_path)) as raised:
            await work
        assert raised.value.remedy
    await runtime.close()


@asynccontextmanager
async def engine_behind_a_cable(docker_host: str, path: Path) -> AsyncIterator[Callable[[], None]]:
    """Serve the engine on another socket; yield what cuts every connection."""
    writers: set[asyncio.StreamWriter] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        try:
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_unix_connection(docker_host.removeprefix("unix://"))
        await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))

    def cut() -> None:
        for writer in writers:
            writer.transport.abort()

    server = await asyncio.start_unix_server(serve, path)
    yield cut
    cut()
    server.close()
    await server.wait_closed()
    await asyncio.sleep(0.05)


async def test_who_waits_looks_again_when_the_events_are_back(
    docker_runtime: MakeRuntime,
    docker_host: str,
    node_id: str,
    task: Callable[..., Task],
    tmp_path: Path,
) -> None:
    direct = docker_runtime(node_id)
    wanted = task("trap 'exit 9' TERM; while :; do sleep 1 & wait; done")
    await started(direct, wanted)
    path = tmp_path / "engine.sock"
    async with engine_behind_a_cable(docker_host, path) as cut:
        runtime = DockerRuntime(
            node_id, "127.0.0.1", f"unix://{path}", tmp_path / "cabled", SystemClock()
        )
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(runtime.wait(wanted.id))
            await asyncio.sleep(0.3)
            cut()
            await direct.stop(wanted.id, 0)
            async with asyncio.timeout(10):
                assert (await waiting).code in {9, 137}
        await runtime.close()


async def test_closing_ends_every_thread(runtime: DockerRuntime, task: Callable[..., Task]) -> None:
    await started(runtime, task())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await runtime.wait(task().id)
    await asyncio.wait_for(runtime.close(), 3)
    async with asyncio.timeout(3):
        while [one.name for one in threading.enumerate() if one.name.startswith("docker-")]:
            await asyncio.sleep(0.01)
    with pytest.raises(EngineUnavailable, match="closing"):
        await runtime.describe()
