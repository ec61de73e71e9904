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
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from pathlib import Path

import psutil

from swarmpy import __version__
from swarmpy.core.container import Container, Exit
from swarmpy.errors import EngineUnavailable, TaskRefused, WrongState
from swarmpy.pb.dispatcher_pb2 import ExecInput, ExecOutput, LogLine, LogOptions
from swarmpy.pb.objects_pb2 import NodeDescription, Task, Volume
from swarmpy.pb.types_pb2 import Platform, Resources
from swarmpy.runtime import cgroup, process_exec, process_volumes, task_files
from swarmpy.runtime.go_names import go_architecture
from swarmpy.runtime.health import Health, schedule_of
from swarmpy.runtime.process_launch import free_ports, launch_of
from swarmpy.runtime.process_logs import read_log
from swarmpy.runtime.process_pod import alone_of, ephemeral_volumes
from swarmpy.runtime.process_state import SIGKILL_CODE, container_of, process_end, signal_of
from swarmpy.runtime.process_table import session_usage
from swarmpy.runtime.task_directory import (
    APART,
    TaskDirectory,
    directories_of,
    task_directories,
)
from swarmpy.seams import Clock, Dependencies, Usage

SUPERVISOR = Path(__file__).with_name("task_supervisor.py")
START_TIMEOUT_S = 10.0
KILL_PATIENCE_S = 10.0
POLL_S = 0.01


class ProcessRuntime:
    """Implements `seams.Runtime`. Tasks live below `directory`, one directory each."""

    def __init__(self, node_id: str, address: str, directory: Path, clock: Clock) -> None:
        """`address` is the node's own: tasks are asked to listen there."""
        self._node_id = node_id
        self._address = address
        self._root = directory / "tasks"
        self._volumes = directory / "volumes"
        self._memory = task_files.memory_directory(node_id, directory / "secrets")
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
        directory = self._seek(task_id, "")
        return None if directory is None else self._container(directory)

    async def inspect_pod(self, task_id: str) -> Mapping[str, Container]:
        found = directories_of(self._root, task_id)
        return {one.container: self._container(one) for one in found if one.container}

    # Life

    async def prepare(self, task: Task, needs: Dependencies) -> None:
        for order, (name, alone) in enumerate(alone_of(task)):
            directory = TaskDirectory(self._root / f"{task.id}{name}")
            self._prepare(alone, directory, needs)
            directory.set_order(order)

    def _prepare(self, task: Task, directory: TaskDirectory, needs: Dependencies) -> None:
        if not directory.exists():
            directory.remove()  # what a boot has left of it
        elif directory.started() or directory.ended():
            return
        directory.create(task, self._private(directory))
        shown, memory = self._trees(directory)
        task_files.link_below(shown, task_files.keep_files(task.spec.containers[0], needs, memory))
        task_files.link_below(shown, ephemeral_volumes(task, self._ephemeral(task.id)))
        task_files.link_below(shown, process_volumes.keep_volumes(task, needs, self._volumes))

    async def refresh(self, task: Task, needs: Dependencies) -> None:
        for apart, alone in alone_of(task):
            directory = TaskDirectory(self._root / f"{task.id}{apart}")
            if directory.exists():
                spec, memory = alone.spec.containers[0], self._trees(directory)[1]
                await asyncio.to_thread(task_files.refresh_files, spec, needs, memory)

    def progress(self, task_id: str) -> str:
        del task_id
        return ""

    async def restart(self, task_id: str, container: str) -> Container:
        directory = self._directory(task_id, container)
        if not self._container(directory).running:
            directory.forget_run()
        return await self.start(task_id, container)

    async def start(self, task_id: str, container: str = "") -> Container:
        directory = self._directory(task_id, container)
        if not directory.started() and not directory.ended():
            task = directory.task()
            beside = directories_of(self._root, task_id)
            known = next((one.ports() for one in beside if one.ports()), ())
            ports = list(known) or free_ports(task, self._address)
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

    async def wait(self, task_id: str, container: str = "") -> Exit:
        while (directory := self._seek(task_id, container)) is not None:
            ended = self._container(directory).exit
            if ended is not None:
                return ended
            started = directory.started()
            if started is None:
                await self._clock.sleep(POLL_S)
            else:
                await process_end(started.supervisor)
        return Exit(SIGKILL_CODE, error="its process is gone")

    async def stop(self, task_id: str, grace_s: float, container: str = "") -> None:
        named = [self._seek(task_id, container)] if container else []
        every = named or directories_of(self._root, task_id)
        await asyncio.gather(*(self._stop(one, grace_s) for one in every if one is not None))

    async def _stop(self, directory: TaskDirectory, grace_s: float) -> None:
        if self._container(directory).running is False:
            return
        wanted = directory.task().spec.containers[0].stop_signal or "SIGTERM"
        await self._end(directory, (signal_of(wanted), grace_s), (signal.SIGKILL, KILL_PATIENCE_S))

    async def _end(self, directory: TaskDirectory, *signals: tuple[signal.Signals, float]) -> None:
        """Send one signal after the other, each with so much patience, until it has ended."""
        for number, patience_s in signals:
            started = directory.started()
            if started is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(started.pid, number)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience_s):
                    await self.wait(directory.task_id, directory.container)
                    return

    async def remove(self, task_id: str) -> None:
        alone = TaskDirectory(self._root / task_id)
        for directory in directories_of(self._root, task_id) or [alone]:
            if directory.exists() and self._container(directory).running:
                await self._end(directory, (signal.SIGKILL, KILL_PATIENCE_S))
            task_files.forget_files(*self._trees(directory), self._private(directory))
            directory.remove()
            cgroup.remove(cgroup.find(directory.path.name))
            self._health.pop(directory.path.name, None)
        task_files.forget_files(self._ephemeral(task_id))

    async def remove_volume(self, volume: Volume) -> None:
        for directory in list(task_directories(self._root)):
            if not process_volumes.uses(directory.task(), volume):
                continue
            if self._container(directory).running:
                raise WrongState(f"volume {volume.spec.name} is used by task {directory.task_id}")
            await self.remove(directory.task_id)
        process_volumes.remove_volume(volume, self._volumes)

    async def remove_all(self) -> None:
        """End and forget every task of this node."""
        for directory in list(task_directories(self._root)):
            await self.remove(directory.task_id)
        task_files.forget_files(self._memory)

    async def close(self) -> None:
        """Leave every task as it is."""

    # Looking inside

    async def health(self, task_id: str, container: str = "") -> AsyncGenerator[Container, None]:
        directory = self._seek(task_id, container)
        if directory is None:
            return
        schedule = schedule_of(directory.task().spec.containers[0].health_check)
        yield self._container(directory)
        if schedule is None:
            return
        while (seen := self._container(directory)).running:
            started = directory.started()
            assert started is not None, "it runs"
            up_s = self._clock.now() - started.at_ms / 1000
            await self._clock.sleep(schedule.pause_s(up_s))
            passed = await process_exec.passes(directory.launch(), schedule)
            up_s = self._clock.now() - started.at_ms / 1000
            health = self._health.get(directory.path.name, Health())
            after = health.after(schedule, passed=passed, up_s=up_s)
            self._health[directory.path.name] = after
            if (changed := self._container(directory)) != seen and changed.running:
                yield changed

    async def logs(self, task_id: str, options: LogOptions) -> AsyncGenerator[LogLine, None]:
        directory = self._directory(task_id, options.container)

        def ended() -> bool:
            return not self._container(directory).running

        async for line in read_log(directory, options, self._node_id, self._clock, ended):
            yield line

    async def usage(self, task_id: str) -> Usage:
        self._directory(task_id, "")
        runs = [one.started() for one in directories_of(self._root, task_id)]
        sessions = [started.pid for started in runs if started is not None]
        used = [await asyncio.to_thread(session_usage, session) for session in sessions]
        return sum(used, Usage(0.0, 0, 0))

    async def exec(
        self,
        task_id: str,
        argv: Sequence[str],
        stdin: AsyncIterator[ExecInput] | None,
        tty: bool,
        container: str = "",
    ) -> AsyncGenerator[ExecOutput, None]:
        """Run argv beside the task, in its directory and environment. `tty` changes nothing: a
        process has no terminal of its own here.
        """
        del tty
        directory = self._seek(task_id, container)
        if directory is None or not self._container(directory).running:
            raise WrongState(f"task {task_id} does not run")
        launch = directory.launch()
        async with contextlib.aclosing(process_exec.run(launch, argv, stdin)) as outputs:
            async for output in outputs:
                yield output

    # Of one task

    def _trees(self, directory: TaskDirectory) -> tuple[Path, Path]:
        """Return where a task's files are shown, and where they are kept."""
        return directory.path / "files", self._memory / directory.path.name

    def _private(self, directory: TaskDirectory) -> Path:
        """Return where what tells a task's environment is kept."""
        return self._memory / f"{directory.path.name}.private"

    def _ephemeral(self, task_id: str) -> Path:
        """Return where the ephemeral volumes of a task are."""
        return self._root / f"{task_id}.volumes"

    def _seek(self, task_id: str, container: str) -> TaskDirectory | None:
        if container:
            directory = TaskDirectory(self._root / f"{task_id}{APART}{container}")
            return directory if directory.exists() else None
        return next(iter(directories_of(self._root, task_id)), None)

    def _directory(self, task_id: str, container: str) -> TaskDirectory:
        directory = self._seek(task_id, container)
        if directory is None:
            raise EngineUnavailable(f"task {task_id} has no process on this node")
        return directory

    def _container(self, directory: TaskDirectory) -> Container:
        return container_of(directory, self._health.get(directory.path.name, Health()))
