"""Runs tasks as containers of a Docker Engine.

Labels say whose task a container is, so a node that restarts finds its containers as they are.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

from docker.errors import APIError, NotFound

from swarmpy import __version__
from swarmpy.core.container import Container, Exit
from swarmpy.core.pod import SANDBOX
from swarmpy.errors import EngineUnavailable, WrongState
from swarmpy.pb.dispatcher_pb2 import ExecInput, ExecOutput, LogLine, LogOptions
from swarmpy.pb.objects_pb2 import NodeDescription, Task, Volume
from swarmpy.pb.types_pb2 import Platform, Resources
from swarmpy.runtime.docker_containers import Containers
from swarmpy.runtime.docker_engine import Engine
from swarmpy.runtime.docker_events import EventWatch
from swarmpy.runtime.docker_exec import exec_body, run_exec
from swarmpy.runtime.docker_logs import read_logs
from swarmpy.runtime.docker_state import container_of
from swarmpy.runtime.docker_usage import read_usage
from swarmpy.runtime.docker_volumes import ended_with, remove_volume
from swarmpy.runtime.go_names import go_architecture
from swarmpy.runtime.pod_config import CONTAINER_LABEL
from swarmpy.seams import Clock, Dependencies, Usage

LOOK_AGAIN_S = 60.0
"""Those who wait look by themselves this often, whatever the engine's events say."""
KILL_PATIENCE_S = 10.0
GONE = Exit(128 + signal.SIGKILL, error="its container is gone")


class DockerRuntime:
    """Implements `seams.Runtime`. Making one does not contact the engine."""

    def __init__(
        self,
        node_id: str,
        address: str,
        docker_host: str | None,
        directory: Path,
        clock: Clock,
    ) -> None:
        """`address` is the node's own: ports are published there. Configs are kept below
        `directory` where the machine has no tmpfs. `docker_host` is a URL as in DOCKER_HOST; None
        asks the environment.
        """
        self._node_id = node_id
        self._clock = clock
        self._engine = Engine(docker_host)
        self._containers = Containers(self._engine, node_id, address, directory, clock)
        self._events = EventWatch(self._engine, node_id, clock)

    async def describe(self) -> NodeDescription:
        info = await self._engine.ask("describe itself", lambda client: client.info())
        return NodeDescription(
            hostname=socket.gethostname(),
            platform=Platform(
                os=info["OSType"], architecture=go_architecture(info["Architecture"])
            ),
            resources=Resources(
                nano_cpus=info["NCPU"] * 1_000_000_000, memory_bytes=info["MemTotal"]
            ),
            engine=f"docker {info['ServerVersion']}",
            engine_labels=dict(
                label.partition("=")[::2] for label in info.get("Labels") or () if label
            ),
            swarmpy_version=__version__,
        )

    async def containers(self) -> list[Container]:
        task_ids = await self._containers.task_ids()
        await self._containers.remove_lost_volumes()
        found = await asyncio.gather(*map(self._all_of, task_ids))
        return [container for of_task in found for container in of_task]

    async def inspect(self, task_id: str) -> Container | None:
        return await self._inspect(task_id, "")

    async def inspect_pod(self, task_id: str) -> Mapping[str, Container]:
        found = {one.name: one for one in await self._all_of(task_id)}
        sandbox = found.get(SANDBOX)
        if sandbox is None:
            return {}
        return {name: replace(one, address=sandbox.address) for name, one in found.items()}

    async def _inspect(self, task_id: str, name: str) -> Container | None:
        inspected = await self._containers.inspect(task_id, name)
        return None if inspected is None else container_of(inspected)

    async def _all_of(self, task_id: str) -> list[Container]:
        names = await self._containers.names(task_id)
        found = await asyncio.gather(*(self._inspect(task_id, name) for name in names))
        return [container for container in found if container is not None]

    # Life

    async def prepare(self, task: Task, needs: Dependencies) -> None:
        await self._containers.make(task, needs)

    async def refresh(self, task: Task, needs: Dependencies) -> None:
        await self._containers.refresh(task, needs)

    def progress(self, task_id: str) -> str:
        return self._containers.progress(task_id)

    async def start(self, task_id: str, container: str = "") -> Container:
        return container_of(await self._containers.start(task_id, container))

    async def restart(self, task_id: str, container: str) -> Container:
        return container_of(await self._containers.start(task_id, container, again=True))

    async def wait(self, task_id: str, container: str = "") -> Exit:
        with self._events.changes(task_id) as changed:
            while True:
                changed.clear()
                seen = await self._inspect(task_id, container)
                if seen is None:
                    return GONE
                if seen.exit is not None:
                    return seen.exit
                await _set_within(changed, LOOK_AGAIN_S)

    async def health(self, task_id: str, container: str = "") -> AsyncGenerator[Container, None]:
        known: Container | None = None
        with self._events.changes(task_id) as changed:
            while True:
                changed.clear()
                seen = await self._inspect(task_id, container)
                if seen is None or seen.exit is not None:
                    return
                if seen != known:
                    known = seen
                    yield seen
                await _set_within(changed, LOOK_AGAIN_S)

    async def stop(self, task_id: str, grace_s: float, container: str = "") -> None:
        names = [container] if container else await self._containers.names(task_id)
        sandbox = [name for name in names if name == SANDBOX]
        await asyncio.gather(
            *(self._stop(task_id, grace_s, name) for name in names if name != SANDBOX)
        )
        for name in sandbox:
            await self._stop(task_id, 0.0, name)

    async def _stop(self, task_id: str, grace_s: float, container: str) -> None:
        inspected = await self._containers.inspect(task_id, container)
        if inspected is None or not inspected["State"]["Running"]:
            return
        wanted = inspected["Config"].get("StopSignal") or "SIGTERM"
        for name, patience_s in ((wanted, grace_s), ("SIGKILL", KILL_PATIENCE_S)):
            await self._engine.ask("stop a container", _kill(inspected["Id"], name))
            try:
                async with asyncio.timeout(patience_s):
                    await self.wait(task_id, container)
                    return
            except TimeoutError:
                continue
        raise EngineUnavailable(f"task {task_id} did not end {KILL_PATIENCE_S:g} s after SIGKILL")

    async def remove(self, task_id: str) -> None:
        await self._containers.remove(task_id)
        self._events.wake(task_id)

    async def remove_volume(self, volume: Volume) -> None:
        for task_id in await ended_with(self._engine, volume, self._node_id):
            await self.remove(task_id)
        await remove_volume(self._engine, volume)

    async def remove_all(self) -> None:
        """Remove every container of this node, its files, and networks that nobody uses."""
        for task_id in await self._containers.task_ids():
            await self.remove(task_id)
        await self._containers.remove_rest()

    async def close(self) -> None:
        """End the threads and the event stream; leave every container as it is."""
        await self._events.close()
        self._engine.close()

    # Looking inside

    async def logs(self, task_id: str, options: LogOptions) -> AsyncGenerator[LogLine, None]:
        inspected = await self._containers.inspect_here(task_id, options.container)
        name = inspected["Config"]["Labels"].get(CONTAINER_LABEL, "")
        tty = bool(inspected["Config"]["Tty"])
        async with aclosing(
            read_logs(self._engine.url, inspected["Id"], options, tty=tty)
        ) as lines:
            async for line in lines:
                line.task_id, line.node_id, line.container = task_id, self._node_id, name
                yield line

    async def usage(self, task_id: str) -> Usage:
        await self._containers.inspect_here(task_id)
        running = [one for one in await self._all_of(task_id) if one.running]
        used = await asyncio.gather(
            *(
                read_usage(self._engine.url, one.container_id)
                for one in running
                if one.name != SANDBOX
            )
        )
        return sum(used, Usage(0.0, 0, 0))

    async def exec(
        self,
        task_id: str,
        argv: Sequence[str],
        stdin: AsyncIterator[ExecInput] | None,
        tty: bool,
        container: str = "",
    ) -> AsyncGenerator[ExecOutput, None]:
        inspected = await self._containers.inspect(task_id, container)
        if inspected is None or not inspected["State"]["Running"]:
            raise WrongState(f"task {task_id} does not run")
        body = exec_body(argv, stdin=stdin is not None, tty=tty)
        made: dict[str, Any] = await self._engine.change(
            "exec", lambda client: client.exec_create(inspected["Id"], **body)
        )
        async with aclosing(
            run_exec(self._engine, made["Id"], stdin, tty=tty, clock=self._clock)
        ) as outputs:
            async for output in outputs:
                yield output


def _kill(container_id: str, name: str) -> Any:
    """Return the call that sends a signal, to a container that may have ended meanwhile."""

    def kill(client: Any) -> None:
        try:
            client.kill(container_id, name)
        except NotFound:
            return
        except APIError as error:
            if error.status_code != 409:
                raise

    return kill


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    """Return when the event is set, or after so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
