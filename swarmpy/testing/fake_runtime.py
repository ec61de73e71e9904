"""A container engine without containers, on any clock: labels say what each one does.

It is the machine's, not the agent's: an agent that crashes finds its containers running, one
whose machine lost power (`crash`) finds them ended. See fake_container.py for the labels.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence

from swarmpy.core.container import Container, Exit
from swarmpy.core.pod import is_pod
from swarmpy.errors import EngineUnavailable, ImageMissing, TaskRefused, WrongState
from swarmpy.pb.dispatcher_pb2 import ExecInput, ExecOutput, LogLine, LogOptions
from swarmpy.pb.objects_pb2 import NodeDescription, Task, Volume
from swarmpy.pb.types_pb2 import Platform, Resources
from swarmpy.seams import Clock, Dependencies, Usage
from swarmpy.testing.fake_container import SIGKILL_CODE, SIGTERM_CODE, FakeContainer
from swarmpy.testing.fake_exec import run_fake
from swarmpy.testing.fake_ports import FakePorts

GIBIBYTE = 1024**3
QUESTIONS = ("ready", "alive")  # programs that fake_container.py answers for


class FakeRuntime:
    """Implements `seams.Runtime` for one machine."""

    def __init__(
        self, node_id: str, clock: Clock, *, cpus: float = 4.0, memory_bytes: int = 8 * GIBIBYTE
    ) -> None:
        self.available = True
        """Tests set it to False to let the engine stop answering."""
        self.starts: Counter[str] = Counter()
        """How often each task's container was started; of a pod's it is "TASK/NAME"."""
        self.prepared: dict[str, Dependencies] = {}
        """What each task's container was made with, or shown last; `made`: out of which task."""
        self.made: dict[str, Task] = {}
        self.volumes: dict[str, str] = {}
        """Id -> name of each volume that a container was made with and nobody removed."""
        self.pulling: dict[str, str] = {}
        self._node_id = node_id
        self._clock = clock
        self._resources = Resources(nano_cpus=round(cpus * 1e9), memory_bytes=memory_bytes)
        self._containers: dict[tuple[str, str], FakeContainer] = {}
        """By task and name, in the order they were made in."""
        self._ports = FakePorts()

    # --- what tests do to it, and see of it

    def running(self) -> frozenset[str]:
        """Return the ids of the tasks whose containers run."""
        now = self._clock.monotonic()
        return frozenset(
            task_id for (task_id, _), one in self._containers.items() if one.is_running(now)
        )

    def kill(self, task_id: str, code: int = SIGKILL_CODE, container: str = "") -> None:
        """End a container from outside, as the kernel might."""
        self._one(task_id, container).end(self._clock.monotonic(), Exit(code))

    def lose(self, task_id: str, container: str = "") -> None:
        """Let a container vanish, as when somebody removes it by hand."""
        one = self._one(task_id, container)
        del self._containers[task_id, one.name]
        one.changed.set()

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
            resources=self._resources,
            engine="fake",
        )

    async def containers(self) -> list[Container]:
        self._check()
        now = self._clock.monotonic()
        return [container.at(now) for container in self._containers.values()]

    async def prepare(self, task: Task, needs: Dependencies) -> None:
        self._check()
        if self._of(task.id):
            return
        made = self._made(task)
        first = made[0]
        if first.label("prepare_s"):
            await self._clock.sleep(first.seconds("prepare_s", 0.0))
        self._check()
        for one in made:
            if one.label("image") == "missing":
                raise ImageMissing(f"no registry has the image {one.spec.image}")
            if one.label("refuse"):
                raise TaskRefused(one.label("refuse"))
        self._containers.update({(task.id, one.name): one for one in made})
        self.prepared[task.id] = needs
        self.volumes.update((one.id, one.spec.name) for one in needs.volumes.values())
        self.made[task.id] = task

    async def refresh(self, task: Task, needs: Dependencies) -> None:
        self._check()
        if self._of(task.id):
            self.prepared[task.id] = needs

    def progress(self, task_id: str) -> str:
        return self.pulling.get(task_id, "")

    async def start(self, task_id: str, container: str = "") -> Container:
        one = self._find(task_id, container)
        if one.started_at is None:
            await self._begin(task_id, container)
        return one.at(self._clock.monotonic())

    async def restart(self, task_id: str, container: str) -> Container:
        one = self._find(task_id, container)
        if not one.is_running(self._clock.monotonic()):
            await self._begin(task_id, container)
        return one.at(self._clock.monotonic())

    async def inspect(self, task_id: str) -> Container | None:
        self._check()
        found = self._of(task_id)
        return found[0].at(self._clock.monotonic()) if found else None

    async def inspect_pod(self, task_id: str) -> Mapping[str, Container]:
        self._check()
        now = self._clock.monotonic()
        return {one.name: one.at(now) for one in self._of(task_id) if one.name}

    async def wait(self, task_id: str, container: str = "") -> Exit:
        while True:
            self._check()
            one = self._seek(task_id, container)
            if one is None:
                return Exit(SIGKILL_CODE, error="its container is gone")
            ended = one.at(self._clock.monotonic()).exit
            if ended is not None:
                return ended
            await self._change(one)

    async def health(self, task_id: str, container: str = "") -> AsyncGenerator[Container, None]:
        known: Container | None = None
        while (one := self._seek(task_id, container)) is not None:
            self._check()
            seen = one.at(self._clock.monotonic())
            if seen.exit is not None:
                return
            if seen != known:
                known = seen
                yield seen
            else:
                await self._change(one)

    async def stop(self, task_id: str, grace_s: float, container: str = "") -> None:
        self._check()
        now = self._clock.monotonic()
        named = [self._seek(task_id, container)] if container else self._of(task_id)
        running = [one for one in named if one is not None and one.is_running(now)]
        for one in running:
            takes_s = one.seconds("stop_s", 0.0)
            code = SIGTERM_CODE if takes_s <= grace_s else SIGKILL_CODE
            one.end(now + min(takes_s, grace_s), Exit(code))
        for one in running:
            await self.wait(task_id, one.name)

    async def remove(self, task_id: str) -> None:
        self._check()
        for one in self._of(task_id):
            self.lose(task_id, one.name)
        self.prepared.pop(task_id, None)

    async def remove_volume(self, volume: Volume) -> None:
        self._check()
        for task_id, needs in list(self.prepared.items()):
            if all(one.id != volume.id for one in needs.volumes.values()):
                continue
            if task_id in self.running():
                raise WrongState(f"volume {volume.spec.name} is used by task {task_id}")
            await self.remove(task_id)
        self.volumes.pop(volume.id, None)

    async def remove_all(self) -> None:
        """Forget every container."""
        for task_id, _ in list(self._containers):
            await self.remove(task_id)

    async def logs(self, task_id: str, options: LogOptions) -> AsyncGenerator[LogLine, None]:
        container = self._find(task_id, options.container)
        shown = [
            LogLine(
                task_id=task_id, node_id=self._node_id, stderr=is_stderr, data=line.encode(),
                at_ms=int(self._clock.now() * 1000), container=container.name,
            )
            for is_stderr, line in container.printed()
            if (options.stderr if is_stderr else options.stdout)
        ]  # fmt: skip
        for line in shown if options.tail < 0 else shown[len(shown) - options.tail :]:
            yield line
        if options.follow:
            await self.wait(task_id, container.name)

    async def usage(self, task_id: str) -> Usage:
        self._find(task_id, "")
        now = self._clock.monotonic()
        used = [
            Usage(cpu_seconds=now - one.started_at, memory_bytes=1 << 20, pids=1)
            for one in self._of(task_id)
            if one.started_at is not None and one.is_running(now)
        ]
        return sum(used, Usage(0.0, 0, 0))

    async def exec(
        self,
        task_id: str,
        argv: Sequence[str],
        stdin: AsyncIterator[ExecInput] | None,
        tty: bool,
        container: str = "",
    ) -> AsyncGenerator[ExecOutput, None]:
        del tty
        self._check()
        now = self._clock.monotonic()
        one = self._seek(task_id, container)
        if one is None or not one.is_running(now):
            raise WrongState(f"task {task_id} does not run")
        if len(argv) == 1 and argv[0] in QUESTIONS:
            yield ExecOutput(exited=True, exit_code=0 if one.says(argv[0], now) else 1)
            return
        async for output in run_fake(argv, stdin):
            yield output

    async def close(self) -> None:
        """Leave everything as it is."""

    # --- inside

    def _check(self) -> None:
        if not self.available:
            raise EngineUnavailable(f"the engine of {self._node_id} does not answer")

    def _of(self, task_id: str) -> list[FakeContainer]:
        return [one for (key, _), one in self._containers.items() if key == task_id]

    def _seek(self, task_id: str, name: str) -> FakeContainer | None:
        if name:
            return self._containers.get((task_id, name))
        return next(iter(self._of(task_id)), None)

    def _one(self, task_id: str, name: str) -> FakeContainer:
        one = self._seek(task_id, name)
        assert one is not None, f"{task_id} has no container {name}"
        return one

    def _find(self, task_id: str, name: str) -> FakeContainer:
        self._check()
        one = self._seek(task_id, name)
        if one is None:
            raise EngineUnavailable(f"task {task_id} has no container on {self._node_id}")
        return one

    def _made(self, task: Task) -> list[FakeContainer]:
        """Return the containers of a task, the first one first; the first tells the ports."""
        named = is_pod(task.spec)
        return [
            FakeContainer(
                task, spec, spec.name if named else "", () if later else self._ports.bind(task)
            )
            for later, spec in enumerate([*task.spec.containers, *task.spec.init_containers])
        ]

    async def _begin(self, task_id: str, name: str) -> None:
        one = self._find(task_id, name)
        if one.label("start_s"):
            await self._clock.sleep(one.seconds("start_s", 0.0))
        one = self._find(task_id, name)
        if one.label("refuse_start"):
            raise TaskRefused(one.label("refuse_start"))
        self.starts[f"{task_id}/{name}" if name else task_id] += 1
        one.start(self._clock.monotonic())

    async def _change(self, container: FakeContainer) -> None:
        """Return when the container may look different from now."""
        container.changed.clear()
        try:
            async with asyncio.timeout(container.next_change_s(self._clock.monotonic())):
                await container.changed.wait()
        except TimeoutError:
            return
