"""Runs tasks as plain processes of the node: no engine, no image, no isolation.

For development, and for machines that have nothing else. Each task has a supervisor of its own
(task_supervisor.py), so a node that restarts finds its tasks as they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import signal
import socket
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path

import psutil

from swarmpy import __version__
from swarmpy.core.container import Container, Exit
from swarmpy.errors import EngineUnavailable, TaskRefused, WrongState
from swarmpy.pb.dispatcher_pb2 import ExecInput, ExecOutput, LogLine, LogOptions
from swarmpy.pb.objects_pb2 import NodeDescription, Task
from swarmpy.pb.types_pb2 import Platform, Resources
from swarmpy.runtime import cgroup, process_exec
from swarmpy.runtime.go_names import go_architecture
from swarmpy.runtime.health import Health, schedule_of
from swarmpy.runtime.process_launch import free_ports, launch_of
from swarmpy.runtime.process_logs import read_log
from swarmpy.runtime.process_table import is_supervisor_of, session_usage
from swarmpy.runtime.task_directory import TaskDirectory, task_directories
from swarmpy.runtime.task_files import forget_files, keep_files, link_below, memory_directory
from swarmpy.seams import Clock, Dependencies, Usage

SUPERVISOR = Path(__file__).with_name("task_supervisor.py")
START_TIMEOUT_S = 10.0
POLL_S = 0.01
SIGKILL_CODE = 128 + signal.SIGKILL


class ProcessRuntime:
    """Implements `seams.Runtime`. Tasks live below `directory`, one directory each."""

    def __init__(self, node_id: str, address: str, directory: Path, clock: Clock) -> None:
        """`address` is the node's own: tasks are asked to listen there."""
        self._node_id = node_id
        self._address = address
        self._root = directory / "tasks"
        self._memory = memory_directory(node_id, directory / "secrets")
        self._clock = clock
        self._health: dict[str, Health] = {}

    async def describe(self) -> NodeDescription:
        return NodeDescription(
            hostname=socket.gethostname(),
            platform=Platform(os="linux", architecture=go_architecture(platform.machine())),
            resources=Resources(
                nano_cpus=(os.cpu_count() or 1) * 1_000_000_000,
                memory_bytes=psutil.virtual_memory().total,
            ),
            engine="process",
            swarmpy_version=__version__,
        )

    async def containers(self) -> list[Container]:
        return [self._container(directory) for directory in task_directories(self._root)]

    async def inspect(self, task_id: str) -> Container | None:
        directory = TaskDirectory(self._root / task_id)
        return self._container(directory) if directory.exists() else None

    # Life

    async def prepare(self, task: Task, needs: Dependencies) -> None:
        if len(task.spec.containers) != 1:
            raise TaskRefused("the process runtime runs one container a task")
        directory = TaskDirectory(self._root / task.id)
        if not directory.exists():
            directory.remove()  # what a boot has left of it
        elif directory.started() or directory.ended():
            return
        directory.create(task, self._private(task.id))
        shown, memory = self._trees(directory)
        link_below(shown, keep_files(task.spec.containers[0], needs, shown, memory))

    async def start(self, task_id: str) -> Container:
        directory = self._directory(task_id)
        if not directory.started() and not directory.ended():
            task = directory.task()
            ports = free_ports(task, self._address)
            files = self._trees(directory)[0]
            directory.set_ports(ports)
            directory.set_launch(launch_of(task, directory, ports, self._address, files))
            await self._launch(directory)
        return self._container(directory)

    async def _launch(self, directory: TaskDirectory) -> None:
        """Start the supervisor and wait until it has started the task, or could not."""
        argv = [sys.executable, "-I", "-S", str(SUPERVISOR), str(directory.path)]
        null = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDWR, 0)
        quiet = [null, *((os.POSIX_SPAWN_DUP2, 0, number) for number in (1, 2))]
        pid = os.posix_spawn(sys.executable, argv, {}, file_actions=quiet)  # noqa: ASYNC221  never waits
        await asyncio.to_thread(os.waitpid, pid, 0)  # it goes into the background at once
        give_up_at = self._clock.monotonic() + START_TIMEOUT_S
        while not directory.started() and not directory.ended():
            if self._clock.monotonic() > give_up_at:
                raise TaskRefused("the task's supervisor did not start")
            await self._clock.sleep(POLL_S)
        if refused := directory.ended().get("refused"):
            raise TaskRefused(f"the process could not be started: {refused}")

    async def wait(self, task_id: str) -> Exit:
        while (container := await self.inspect(task_id)) is not None:
            if container.exit is not None:
                return container.exit
            directory = TaskDirectory(self._root / task_id)
            started = directory.started()
            if started is None:
                await self._clock.sleep(POLL_S)
            else:
                await _process_end(started.supervisor)
        return Exit(SIGKILL_CODE, error="its process is gone")

    async def stop(self, task_id: str, grace_s: float) -> None:
        directory = TaskDirectory(self._root / task_id)
        if not directory.exists() or self._container(directory).running is False:
            return
        wanted = directory.task().spec.containers[0].stop_signal or "SIGTERM"
        for number, patience_s in ((_signal(wanted), grace_s), (signal.SIGKILL, 10.0)):
            started = directory.started()
            if started is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(started.pid, number)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience_s):
                    await self.wait(task_id)
                    return

    async def remove(self, task_id: str) -> None:
        await self.stop(task_id, 0)
        directory = TaskDirectory(self._root / task_id)
        forget_files(*self._trees(directory), self._private(task_id))
        directory.remove()
        cgroup.remove(cgroup.find(task_id))
        self._health.pop(task_id, None)

    async def remove_all(self) -> None:
        """End and forget every task of this node."""
        for directory in list(task_directories(self._root)):
            await self.remove(directory.task_id)
        forget_files(self._memory)

    async def close(self) -> None:
        """Leave every task as it is."""

    # Looking inside

    async def health(self, task_id: str) -> AsyncGenerator[Container, None]:
        directory = TaskDirectory(self._root / task_id)
        if not directory.exists():
            return
        schedule = schedule_of(directory.task().spec.containers[0].health_check)
        yield self._container(directory)
        if schedule is None:
            return
        while (container := self._container(directory)).running:
            started = directory.started()
            assert started is not None, "it runs"
            up_s = self._clock.now() - started.at_ms / 1000
            await self._clock.sleep(schedule.pause_s(up_s))
            passed = await process_exec.passes(directory.launch(), schedule)
            up_s = self._clock.now() - started.at_ms / 1000
            health = self._health.get(task_id, Health())
            self._health[task_id] = health.after(schedule, passed=passed, up_s=up_s)
            if (changed := self._container(directory)) != container and changed.running:
                yield changed

    async def logs(self, task_id: str, options: LogOptions) -> AsyncGenerator[LogLine, None]:
        directory = self._directory(task_id)

        def ended() -> bool:
            return not self._container(directory).running

        async for line in read_log(directory, options, self._node_id, self._clock, ended):
            yield line

    async def usage(self, task_id: str) -> Usage:
        started = self._directory(task_id).started()
        if started is None:
            return Usage(0.0, 0, 0)
        return await asyncio.to_thread(session_usage, started.pid)

    async def exec(
        self, task_id: str, argv: Sequence[str], stdin: AsyncIterator[ExecInput] | None, tty: bool
    ) -> AsyncGenerator[ExecOutput, None]:
        """Run argv beside the task, in its directory and environment. `tty` changes nothing: a
        process has no terminal of its own here.
        """
        del tty
        container = await self.inspect(task_id)
        if container is None or not container.running:
            raise WrongState(f"task {task_id} does not run")
        launch = self._directory(task_id).launch()
        async with contextlib.aclosing(process_exec.run(launch, argv, stdin)) as outputs:
            async for output in outputs:
                yield output

    # Of one task

    def _trees(self, directory: TaskDirectory) -> tuple[Path, Path]:
        """Return where a task's files are shown, and where its secrets are kept."""
        return directory.path / "files", self._memory / directory.task_id

    def _private(self, task_id: str) -> Path:
        """Return where what tells a task's environment is kept."""
        return self._memory / f"{task_id}.private"

    def _directory(self, task_id: str) -> TaskDirectory:
        directory = TaskDirectory(self._root / task_id)
        if not directory.exists():
            raise EngineUnavailable(f"task {task_id} has no process on this node")
        return directory

    def _container(self, directory: TaskDirectory) -> Container:
        ended = self._exit(directory)
        started = directory.started()
        running = started is not None and ended is None
        health = self._health.get(directory.task_id, Health())
        checked = schedule_of(directory.task().spec.containers[0].health_check) is not None
        return Container(
            task_id=directory.task_id,
            container_id=f"process-{started.pid}" if started else "",
            running=running,
            exit=ended,
            healthy=(health.healthy and running) if checked else None,
            unhealthy=health.unhealthy,
            ports=directory.ports() if running else (),
        )

    def _exit(self, directory: TaskDirectory) -> Exit | None:
        """Return how a task ended. One whose supervisor was killed is ended here."""
        found = directory.ended()
        started = directory.started()
        if not found and started and not is_supervisor_of(started.supervisor, directory.path):
            found = directory.ended()  # it may have written its last word meanwhile
            if not found:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(started.pid, signal.SIGKILL)
                directory.set_ended(SIGKILL_CODE, "its supervisor was killed")
                found = directory.ended()
        if not found:
            return None
        code = int(found["code"])
        killed_for_memory = code == SIGKILL_CODE and cgroup.ran_out_of_memory(
            cgroup.find(directory.task_id)
        )
        error = str(found.get("refused") or found.get("error") or "")
        return Exit(code, oom_killed=killed_for_memory, error=error)


def _signal(name: str) -> signal.Signals:
    """Return the signal of "SIGTERM", "TERM" or "15"."""
    if name.isdecimal():
        return signal.Signals(int(name))
    return signal.Signals["SIG" + name.upper().removeprefix("SIG")]


async def _process_end(pid: int) -> None:
    """Return once a process, which need not be a child of ours, has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
