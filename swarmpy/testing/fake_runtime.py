"""A container engine without containers, on any clock: labels say what each one does.

It is the machine's, not the agent's: an agent that crashes finds its containers running, one
whose machine lost power (`crash`) finds them ended. See fake_container.py for the labels.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Sequence

from swarmpy.core.container import Container, Exit
from swarmpy.errors import EngineUnavailable, ImageMissing, TaskRefused, WrongState
from swarmpy.pb.dispatcher_pb2 import ExecInput, ExecOutput, LogLine, LogOptions
from swarmpy.pb.objects_pb2 import NodeDescription, Task
from swarmpy.pb.types_pb2 import PUBLISH_MODE_HOST, Platform, PortBinding, Resources
from swarmpy.seams import Clock, Dependencies, Usage
from swarmpy.testing.fake_container import SIGKILL_CODE, SIGTERM_CODE, FakeContainer
from swarmpy.testing.fake_exec import run_fake

GIBIBYTE = 1024**3
FIRST_PORT = 32768


class FakeRuntime:
    """Implements `seams.Runtime` for one machine."""

    def __init__(
        self,
        node_id: str,
        clock: Clock,
        *,
        cpus: float = 4.0,
        memory_bytes: int = 8 * GIBIBYTE,
    ) -> None:
        self.available = True
        """Tests set it to False to let the engine stop answering."""
        self.starts: Counter[str] = Counter()
        """How often each task's container was started."""
        self.prepared: dict[str, Dependencies] = {}
        """What each task's container was made with."""
        self._node_id = node_id
        self._clock = clock
        self._cpus = cpus
        self._memory_bytes = memory_bytes
        self._containers: dict[str, FakeContainer] = {}
        self._next_port = FIRST_PORT

    # --- what tests do to it, and see of it

    def running(self) -> frozenset[str]:
        """Return the ids of the tasks whose containers run."""
        now = self._clock.monotonic()
        return frozenset(key for key, one in self._containers.items() if one.is_running(now))

    def kill(self, task_id: str, code: int = SIGKILL_CODE) -> None:
        """End a container from outside, as the kernel might."""
        self._containers[task_id].end(self._clock.monotonic(), Exit(code))

    def lose(self, task_id: str) -> None:
        """Let a container vanish, as when somebody removes it by hand."""
        self._containers.pop(task_id).changed.set()

    def crash(self) -> None:
        """Lose power: every container has ended when the machine is up again."""
        now = self._clock.monotonic()
        for container in self._containers.values():
            if container.is_running(now):
                container.end(now, Exit(SIGKILL_CODE, error="the machine lost power"))

    # --- seams.Runtime

    async def describe(self) -> NodeDescription:
        self._check()
        return NodeDescription(
            hostname=self._node_id,
            platform=Platform(os="linux", architecture="amd64"),
            resources=Resources(nano_cpus=round(self._cpus * 1e9), memory_bytes=self._memory_bytes),
            engine="fake",
        )

    async def containers(self) -> list[Container]:
        self._check()
        now = self._clock.monotonic()
        return [container.at(now) for container in self._containers.values()]

    async def prepare(self, task: Task, needs: Dependencies) -> None:
        self._check()
        if task.id in self._containers:
            return
        made = FakeContainer(task, self._bind(task))
        if made.label("prepare_s"):
            await self._clock.sleep(made.seconds("prepare_s", 0.0))
        self._check()
        if made.label("image") == "missing":
            raise ImageMissing(f"no registry has the image {task.spec.containers[0].image}")
        if made.label("refuse"):
            raise TaskRefused(made.label("refuse"))
        self._containers[task.id] = made
        self.prepared[task.id] = needs

    async def start(self, task_id: str) -> Container:
        container = self._find(task_id)
        if container.started_at is None:
            if container.label("start_s"):
                await self._clock.sleep(container.seconds("start_s", 0.0))
            container = self._find(task_id)
            if container.label("refuse_start"):
                raise TaskRefused(container.label("refuse_start"))
            self.starts[task_id] += 1
            container.start(self._clock.monotonic())
        return container.at(self._clock.monotonic())

    async def inspect(self, task_id: str) -> Container | None:
        self._check()
        container = self._containers.get(task_id)
        return None if container is None else container.at(self._clock.monotonic())

    async def wait(self, task_id: str) -> Exit:
        while True:
            self._check()
            container = self._containers.get(task_id)
            if container is None:
                return Exit(SIGKILL_CODE, error="its container is gone")
            ended = container.at(self._clock.monotonic()).exit
            if ended is not None:
                return ended
            await self._change(container)

    async def health(self, task_id: str) -> AsyncGenerator[Container, None]:
        known: Container | None = None
        while (container := self._containers.get(task_id)) is not None:
            self._check()
            seen = container.at(self._clock.monotonic())
            if seen.exit is not None:
                return
            if seen != known:
                known = seen
                yield seen
            else:
                await self._change(container)

    async def stop(self, task_id: str, grace_s: float) -> None:
        self._check()
        container = self._containers.get(task_id)
        now = self._clock.monotonic()
        if container is None or not container.is_running(now):
            return
        takes_s = container.seconds("stop_s", 0.0)
        code = SIGTERM_CODE if takes_s <= grace_s else SIGKILL_CODE
        container.end(now + min(takes_s, grace_s), Exit(code))
        await self.wait(task_id)

    async def remove(self, task_id: str) -> None:
        self._check()
        if task_id in self._containers:
            self.lose(task_id)
        self.prepared.pop(task_id, None)

    async def remove_all(self) -> None:
        """Forget every container."""
        for task_id in list(self._containers):
            await self.remove(task_id)

    async def logs(self, task_id: str, options: LogOptions) -> AsyncGenerator[LogLine, None]:
        container = self._find(task_id)
        shown = [
            LogLine(
                task_id=task_id, node_id=self._node_id, stderr=is_stderr, data=line.encode(),
                at_ms=int(self._clock.now() * 1000),
            )
            for is_stderr, line in container.printed()
            if (options.stderr if is_stderr else options.stdout)
        ]  # fmt: skip
        for line in shown if options.tail < 0 else shown[len(shown) - options.tail :]:
            yield line
        if options.follow:
            await self.wait(task_id)

    async def usage(self, task_id: str) -> Usage:
        container = self._find(task_id)
        now = self._clock.monotonic()
        if container.started_at is None or not container.is_running(now):
            return Usage(0.0, 0, 0)
        return Usage(cpu_seconds=now - container.started_at, memory_bytes=1 << 20, pids=1)

    async def exec(
        self, task_id: str, argv: Sequence[str], stdin: AsyncIterator[ExecInput] | None, tty: bool
    ) -> AsyncGenerator[ExecOutput, None]:
        del tty
        if task_id not in self.running():
            raise WrongState(f"task {task_id} does not run")
        async for output in run_fake(argv, stdin):
            yield output

    async def close(self) -> None:
        """Leave everything as it is."""

    # --- inside

    def _check(self) -> None:
        if not self.available:
            raise EngineUnavailable(f"the engine of {self._node_id} does not answer")

    def _find(self, task_id: str) -> FakeContainer:
        self._check()
        if task_id not in self._containers:
            raise EngineUnavailable(f"task {task_id} has no container on {self._node_id}")
        return self._containers[task_id]

    async def _change(self, container: FakeContainer) -> None:
        """Return when the container may look different from now."""
        container.changed.clear()
        try:
            async with asyncio.timeout(container.next_change_s(self._clock.monotonic())):
                await container.changed.wait()
        except TimeoutError:
            return

    def _bind(self, task: Task) -> tuple[PortBinding, ...]:
        bindings = []
        for port in task.ports:
            host_port = port.published
            if port.mode != PUBLISH_MODE_HOST:
                host_port = self._next_port
                self._next_port += 1
            bindings.append(
                PortBinding(protocol=port.protocol, target=port.target, host_port=host_port)
            )
        return tuple(bindings)
