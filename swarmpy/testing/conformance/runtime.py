"""What a `seams.Runtime` promises to the agent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import count
from typing import TypeAlias

from swarmpy.core.container import Container
from swarmpy.errors import EngineUnavailable, SwarmPyError, TaskRefused, WrongState
from swarmpy.pb.dispatcher_pb2 import ExecInput, LogOptions
from swarmpy.pb.objects_pb2 import Task
from swarmpy.pb.specs_pb2 import ContainerSpec, TaskSpec
from swarmpy.pb.types_pb2 import PortConfig
from swarmpy.seams import Dependencies, Runtime, Usage
from swarmpy.task_group import TaskGroup
from swarmpy.testing.conformance.behaviour import UP, Behaviour

NOTHING = Dependencies({}, {}, {})
GRACE_S = 20.0
SOON_S = 0.3
KILLED = 137


@dataclass(slots=True)
class Bench:
    """Two runtimes of different nodes, which may share an engine."""

    runtime: Runtime
    other: Runtime
    node_id: str
    container: Callable[[Behaviour], ContainerSpec]
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def task(self, behaviour: Behaviour) -> Task:
        return Task(
            id=f"{self.node_id}t{next(self.numbers)}",
            service_name="web",
            slot=1,
            node_id=self.node_id,
            spec=TaskSpec(containers=[self.container(behaviour)]),
            ports=[PortConfig(target=8080)],
        )

    async def prepared(self, behaviour: Behaviour) -> str:
        task = self.task(behaviour)
        await self.runtime.prepare(task, NOTHING)
        return task.id

    async def running(self, behaviour: Behaviour) -> str:
        """Return a task's id once its container has printed its first line."""
        task_id = await self.prepared(behaviour)
        await self.runtime.start(task_id)
        async with aclosing(self.runtime.logs(task_id, options(follow=True))) as lines:
            assert (await anext(lines)).data == UP.encode()
        return task_id

    async def seen(self, task_id: str) -> Container:
        container = await self.runtime.inspect(task_id)
        assert container is not None
        return container

    async def lines(self, task_id: str, wanted: LogOptions) -> list[tuple[bool, str]]:
        return [(one.stderr, one.data.decode()) async for one in self.runtime.logs(task_id, wanted)]

    async def run(self, task_id: str, *argv: str, stdin: bytes | None = None) -> tuple[bytes, int]:
        """Return what argv prints, and its exit code."""
        given = None if stdin is None else typed(stdin)
        outputs = [one async for one in self.runtime.exec(task_id, argv, given, tty=False)]
        assert [one.exited for one in outputs].index(True) == len(outputs) - 1
        return b"".join(one.stdout for one in outputs), outputs[-1].exit_code


Promise: TypeAlias = Callable[[Bench], Awaitable[None]]


def options(*, follow: bool = False, tail: int = -1, only: str = "") -> LogOptions:
    return LogOptions(follow=follow, tail=tail, stdout=only != "stderr", stderr=only != "stdout")


async def typed(data: bytes) -> AsyncIterator[ExecInput]:
    yield ExecInput(stdin=data)
    yield ExecInput(end=True)


async def refuses(error: type[SwarmPyError], work: Awaitable[object]) -> None:
    try:
        await work
    except error as raised:
        said = raised.message
    else:
        raise AssertionError(f"{error.__name__} was not raised")
    assert said, "an error says what happened"


async def it_says_what_it_is(bench: Bench) -> None:
    said = await bench.runtime.describe()
    assert said.platform.os == "linux"
    assert said.platform.architecture in {"amd64", "arm64", "arm", "386", "riscv64"}
    assert said.resources.nano_cpus >= 1_000_000_000
    assert said.resources.memory_bytes > 0
    assert said.hostname
    assert said.engine


async def a_container_is_made_first_and_started_later(bench: Bench) -> None:
    task_id = await bench.prepared(Behaviour())
    made = await bench.seen(task_id)
    assert (made.task_id, made.running, made.exit) == (task_id, False, None)
    started = await bench.runtime.start(task_id)
    assert started.running
    assert started.exit is None
    assert started.healthy is None
    assert [port.target for port in started.ports] == [8080]
    assert all(port.host_port for port in started.ports)
    assert started == await bench.seen(task_id)
    assert await bench.runtime.containers() == [started]


async def nodes_do_not_see_each_other_s_containers(bench: Bench) -> None:
    task_id = await bench.running(Behaviour())
    assert await bench.other.containers() == []
    assert await bench.other.inspect(task_id) is None
    await bench.other.stop(task_id, 0)
    await bench.other.remove(task_id)
    assert (await bench.seen(task_id)).running


async def every_call_may_be_repeated(bench: Bench) -> None:
    task = bench.task(Behaviour())
    for _ in range(2):
        await bench.runtime.prepare(task, NOTHING)
    first = await bench.runtime.start(task.id)
    await bench.runtime.prepare(task, NOTHING)
    assert await bench.runtime.start(task.id) == first
    for _ in range(2):
        await bench.runtime.stop(task.id, 0)
    assert not (await bench.seen(task.id)).running
    for _ in range(2):
        await bench.runtime.remove(task.id)
    assert await bench.runtime.inspect(task.id) is None
    assert await bench.runtime.containers() == []


async def a_task_that_is_not_here_is_no_surprise(bench: Bench) -> None:
    assert await bench.runtime.inspect("nobody") is None
    await bench.runtime.stop("nobody", 1)
    await bench.runtime.remove("nobody")
    assert (await bench.runtime.wait("nobody")).code == KILLED
    assert [one async for one in bench.runtime.health("nobody")] == []
    await refuses(EngineUnavailable, bench.runtime.start("nobody"))
    await refuses(EngineUnavailable, bench.runtime.usage("nobody"))
    await refuses(EngineUnavailable, bench.lines("nobody", options()))
    await refuses(WrongState, bench.run("nobody", "echo", "hi"))


async def an_exit_code_is_told_and_the_container_stays(bench: Bench) -> None:
    task_id = await bench.prepared(Behaviour(exit_code=3))
    await bench.runtime.start(task_id)
    assert (await bench.runtime.wait(task_id)).code == 3
    ended = await bench.seen(task_id)
    assert not ended.running
    assert ended.exit is not None
    assert ended.exit.code == 3
    assert ended.ports == ()
    assert await bench.runtime.start(task_id) == ended, "what has ended is never started again"
    assert await bench.runtime.usage(task_id) == Usage(0.0, 0, 0)


async def who_waits_learns_of_the_end_at_once(bench: Bench) -> None:
    task_id = await bench.running(Behaviour())
    async with TaskGroup() as group:
        waiting = [group.create_task(bench.runtime.wait(task_id)) for _ in range(2)]
        await asyncio.sleep(0.1)
        assert not any(one.done() for one in waiting)
        await bench.runtime.stop(task_id, GRACE_S)
        async with asyncio.timeout(GRACE_S / 2):
            assert [(await one).code for one in waiting] == [143, 143]


async def who_waits_for_what_is_removed_is_told(bench: Bench) -> None:
    task_id = await bench.running(Behaviour())
    async with TaskGroup() as group:
        waiting = group.create_task(bench.runtime.wait(task_id))
        await asyncio.sleep(0.1)
        await bench.runtime.remove(task_id)
        async with asyncio.timeout(GRACE_S / 2):
            assert (await waiting).code == KILLED


async def the_stop_signal_comes_before_force(bench: Bench) -> None:
    willing = await bench.running(Behaviour())
    await bench.runtime.stop(willing, GRACE_S)
    assert (await bench.runtime.wait(willing)).code == 143
    stubborn = await bench.running(Behaviour(stubborn=True))
    await bench.runtime.stop(stubborn, SOON_S)
    assert (await bench.runtime.wait(stubborn)).code == KILLED


async def health_is_told_as_it_changes(bench: Bench) -> None:
    for check, healthy in (("passes", True), ("fails", False)):
        task_id = await bench.prepared(Behaviour(check=check))  # type: ignore[arg-type]
        await bench.runtime.start(task_id)
        told: list[tuple[bool | None, bool]] = []
        async with aclosing(bench.runtime.health(task_id)) as changes:
            async for container in changes:
                told.append((container.healthy, container.unhealthy))
                if told[-1] != (False, False):
                    break
        assert told == [(False, False), (healthy, not healthy)]
        await bench.runtime.remove(task_id)


async def health_ends_with_the_container(bench: Bench) -> None:
    task_id = await bench.running(Behaviour(check="passes"))
    told = bench.runtime.health(task_id)
    while not (await anext(told)).healthy:
        pass
    await bench.runtime.stop(task_id, GRACE_S)
    assert [container async for container in told] == []
    ended = await bench.seen(task_id)
    assert (ended.healthy, ended.unhealthy) == (False, False), "to be stopped is no illness"


async def logs_can_be_chosen_and_followed(bench: Bench) -> None:
    task_id = await bench.prepared(Behaviour(exit_code=0, out=("a", "b"), err=("x", "y")))
    await bench.runtime.start(task_id)
    followed = await bench.lines(task_id, options(follow=True))
    assert [text for is_stderr, text in followed if not is_stderr] == [UP, "a", "b"]
    assert [text for is_stderr, text in followed if is_stderr] == ["x", "y"]
    assert await bench.lines(task_id, options(only="stderr")) == [(True, "x"), (True, "y")]
    assert len(await bench.lines(task_id, options(tail=2))) == 2
    assert await bench.lines(task_id, options(tail=0)) == []
    async for line in bench.runtime.logs(task_id, options()):
        assert (line.task_id, line.node_id) == (task_id, bench.node_id)
        assert line.at_ms > 0


async def programs_run_in_a_container(bench: Bench) -> None:
    task_id = await bench.running(Behaviour())
    assert await bench.run(task_id, "echo", "a", "b") == (b"a b\n", 0)
    assert await bench.run(task_id, "sh", "-c", "exit 7") == (b"", 7)
    assert await bench.run(task_id, "cat", stdin=b"typed\n" * 1000) == (b"typed\n" * 1000, 0)
    await refuses(TaskRefused, bench.run(task_id, "no-such-program"))
    await bench.runtime.stop(task_id, GRACE_S)
    await refuses(WrongState, bench.run(task_id, "echo", "too late"))


async def a_program_may_be_left_early(bench: Bench) -> None:
    task_id = await bench.running(Behaviour())
    started = asyncio.Event()

    async def endless() -> AsyncIterator[ExecInput]:
        yield ExecInput(stdin=b"first\n")
        started.set()
        await asyncio.Event().wait()

    async with aclosing(bench.runtime.exec(task_id, ["cat"], endless(), tty=False)) as outputs:
        assert (await anext(outputs)).stdout == b"first\n"
    assert (await bench.seen(task_id)).running


async def what_a_container_uses_is_measured(bench: Bench) -> None:
    usage = await bench.runtime.usage(await bench.running(Behaviour()))
    assert usage.memory_bytes > 0
    assert usage.pids >= 1
    assert usage.cpu_seconds >= 0


PROMISES: tuple[Promise, ...] = (
    it_says_what_it_is,
    a_container_is_made_first_and_started_later,
    nodes_do_not_see_each_other_s_containers,
    every_call_may_be_repeated,
    a_task_that_is_not_here_is_no_surprise,
    an_exit_code_is_told_and_the_container_stays,
    who_waits_learns_of_the_end_at_once,
    who_waits_for_what_is_removed_is_told,
    the_stop_signal_comes_before_force,
    health_is_told_as_it_changes,
    health_ends_with_the_container,
    logs_can_be_chosen_and_followed,
    programs_run_in_a_container,
    a_program_may_be_left_early,
    what_a_container_uses_is_measured,
)
