"""What is special about processes; what all runtimes share is in tests/conformance."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from swarmpy.core.container import Container
from swarmpy.daemon.clock import SystemClock
from swarmpy.errors import TaskRefused
from swarmpy.pb.dispatcher_pb2 import LogOptions
from swarmpy.pb.objects_pb2 import Config, Secret, Task
from swarmpy.pb.specs_pb2 import ConfigSpec, ContainerSpec, SecretSpec, TaskSpec
from swarmpy.pb.types_pb2 import FileReference, HealthCheck, PortConfig, Resources
from swarmpy.runtime.process import ProcessRuntime
from swarmpy.runtime.process_table import is_alive
from swarmpy.runtime.task_directory import TaskDirectory
from swarmpy.seams import Dependencies

NOTHING = Dependencies({}, {}, {})


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[ProcessRuntime]:
    made = ProcessRuntime("n1", "127.0.0.1", tmp_path, SystemClock())
    yield made
    await made.remove_all()


def task(*argv: str, task_id: str = "t1", **fields: Any) -> Task:
    container = ContainerSpec(name="main", image="process", command=list(argv), **fields)
    return Task(id=task_id, service_name="web", slot=1, spec=TaskSpec(containers=[container]))


def shell(line: str, **fields: Any) -> Task:
    return task("sh", "-c", line, **fields)


async def started(runtime: ProcessRuntime, wanted: Task) -> Container:
    await runtime.prepare(wanted, NOTHING)
    return await runtime.start(wanted.id)


async def lines(runtime: ProcessRuntime, task_id: str, **options: int) -> list[str]:
    wanted = LogOptions(tail=options.get("tail", -1), follow=bool(options.get("follow", 0)))
    return [line.data.decode() async for line in runtime.logs(task_id, wanted)]


async def test_ports_are_told_in_the_environment(runtime: ProcessRuntime) -> None:
    wanted = shell("echo $PORT $PORT_80 $PORT_90 $SWARMPY_ADDRESS; sleep 60")
    wanted.ports.extend([PortConfig(target=80), PortConfig(target=90)])
    container = await started(runtime, wanted)
    ports = {port.target: str(port.host_port) for port in container.ports}
    assert len(set(ports.values())) == 2
    while not (shown := await lines(runtime, "t1")):
        await asyncio.sleep(0.01)
    assert shown == [f"{ports[80]} {ports[80]} {ports[90]} 127.0.0.1"]


async def test_what_its_slot_adds_is_in_the_environment_and_what_its_spec_says_goes_before(
    runtime: ProcessRuntime,
) -> None:
    wanted = shell("echo $JOB_COMPLETION_INDEX $MINE; sleep 60")
    wanted.environment.update({"JOB_COMPLETION_INDEX": "3", "MINE": "no"})
    wanted.spec.containers[0].environment["MINE"] = "yes"
    await started(runtime, wanted)
    while not (shown := await lines(runtime, "t1")):
        await asyncio.sleep(0.01)
    assert shown == ["3 yes"]


async def test_a_new_runtime_finds_what_the_old_one_started(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    before = await started(runtime, shell("sleep 0.3; exit 7"))
    again = ProcessRuntime("n1", "127.0.0.1", tmp_path, SystemClock())
    assert await again.containers() == [before]
    assert (await again.wait("t1")).code == 7
    assert (await again.start("t1")).exit is not None, "an ended task is not started again"


async def test_a_task_whose_supervisor_is_killed_is_ended(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    await started(runtime, shell("sleep 60"))
    found = TaskDirectory(tmp_path / "tasks" / "t1").started()
    assert found is not None
    os.kill(found.supervisor, signal.SIGKILL)
    end = await runtime.wait("t1")
    assert (end.code, end.error) == (137, "its supervisor was killed")
    while is_alive(found.pid):
        await asyncio.sleep(0.01)


async def test_what_a_task_leaves_behind_ends_with_it(runtime: ProcessRuntime) -> None:
    await started(runtime, shell("sleep 61 & echo $!; exit 0"))
    assert (await runtime.wait("t1")).code == 0
    (child,) = await lines(runtime, "t1")
    assert not Path(f"/proc/{child}/cmdline").exists() or not (
        Path(f"/proc/{child}/cmdline").read_bytes()
    )


async def test_files_are_shown_below_one_directory(runtime: ProcessRuntime, tmp_path: Path) -> None:
    wanted = shell(
        'cat "$SWARMPY_FILES/etc/page" "$SWARMPY_FILES/run/secrets/key"',
        configs=[FileReference(id="c", name="page", target="/etc/page")],
        secrets=[FileReference(id="s", name="key", target="/run/secrets/key", mode=0o400)],
    )
    needs = Dependencies(
        {"c": Config(id="c", spec=ConfigSpec(data=b"config\n"))},
        {"s": Secret(id="s", spec=SecretSpec(data=b"s3cret\n"))},
        {},
    )
    await runtime.prepare(wanted, needs)
    await runtime.start("t1")
    await runtime.wait("t1")
    assert await lines(runtime, "t1") == ["config", "s3cret"]
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink()]
    if Path("/dev/shm").is_dir():
        assert not [
            path for path in kept if b"s3cret\n" in path.read_bytes() and path.name == "key"
        ]


@pytest.mark.parametrize("target", ["../../etc/passwd", "/a/../../../b"])
async def test_a_file_s_target_stays_in_its_tree(runtime: ProcessRuntime, target: str) -> None:
    wanted = shell("true", configs=[FileReference(id="c", name="page", target=target)])
    needs = Dependencies({"c": Config(id="c", spec=ConfigSpec(data=b"x"))}, {}, {})
    with pytest.raises(TaskRefused, match="leads out of its tree"):
        await runtime.prepare(wanted, needs)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (task(), "a process needs a command"),
        (task("no-such-program"), "no program 'no-such-program'"),
        (task("true", user="nobody-at-all"), "no user 'nobody-at-all'"),
        (task("true", working_dir="/no/such/place"), "is not on this machine"),
    ],
)
async def test_what_cannot_start_is_refused_with_the_reason(
    runtime: ProcessRuntime, wanted: Task, message: str
) -> None:
    await runtime.prepare(wanted, NOTHING)
    with pytest.raises(TaskRefused, match=message):
        await runtime.start("t1")


async def test_health_changes_are_told(runtime: ProcessRuntime, tmp_path: Path) -> None:
    flag = tmp_path / "well"
    check = HealthCheck(test=["CMD", "test", "-e", str(flag)], interval_s=0.05, retries=2)
    await started(runtime, shell("sleep 60", health_check=check))
    told = runtime.health("t1")
    first = await anext(told)
    assert (first.healthy, first.unhealthy) == (False, False)
    assert (await anext(told)).unhealthy
    flag.touch()
    assert (await anext(told)).healthy
    await runtime.stop("t1", 0)
    assert [container async for container in told] == []


async def test_memory_is_limited(runtime: ProcessRuntime) -> None:
    wanted = task(sys.executable, "-c", "x = bytearray(200 << 20); print(len(x))")
    wanted.spec.limits.CopyFrom(Resources(memory_bytes=64 << 20))
    await started(runtime, wanted)
    assert (await runtime.wait("t1")).code != 0


async def test_usage_is_that_of_the_whole_session(runtime: ProcessRuntime) -> None:
    await started(runtime, shell("sleep 60 & sleep 60"))
    usage = await runtime.usage("t1")
    while usage.pids < 3:
        await asyncio.sleep(0.01)
        usage = await runtime.usage("t1")
    assert usage.memory_bytes > 0


async def test_logs_can_be_followed_to_the_end(runtime: ProcessRuntime) -> None:
    await started(runtime, shell("for i in 1 2 3; do echo $i; sleep 0.1; done; echo end >&2"))
    assert await lines(runtime, "t1", follow=1) == ["1", "2", "3", "end"]
    assert await lines(runtime, "t1", tail=2) == ["3", "end"]
