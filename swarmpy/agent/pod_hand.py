"""Does what is due to single containers of a pod, each on its own, while the rest goes on.

What is under way is told to the decision as `busy`; when it is over the decision is asked again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from swarmpy.agent.container_watch import watch
from swarmpy.agent.probing import Target, attempt
from swarmpy.agent.task_sight import TaskSight
from swarmpy.core.container import Container
from swarmpy.core.pod import SANDBOX, all_containers
from swarmpy.core.pod_container import HookResult
from swarmpy.core.pod_status import ports_of
from swarmpy.core.probe import probe_of
from swarmpy.core.probe import timeout_s as probe_timeout_s
from swarmpy.core.step import (
    POST_START,
    AskProbe,
    PodStep,
    PostStart,
    Restart,
    Start,
    Stop,
)
from swarmpy.pb.objects_pb2 import Task
from swarmpy.pb.specs_pb2 import ContainerSpec
from swarmpy.pb.types_pb2 import Hook, Probe
from swarmpy.seams import Clock, Runtime
from swarmpy.task_group import TaskGroup

POST_START_TIMEOUT_S = 60.0
LEAST_GRACE_S = 2.0
"""A container has at least so long after its stop signal, however long its hook took."""


class PodHand:
    """Of one pod; its work lives in the group of whoever runs the pod."""

    def __init__(  # noqa: PLR0913, PLR0917  it takes what it needs
        self,
        task: Callable[[], Task],
        sight: TaskSight,
        runtime: Runtime,
        clock: Clock,
        host: str,
        on_news: Callable[[], None],
        on_answer: Callable[[], None],
    ) -> None:
        """`on_news` is called when a container may have changed, `on_answer` when only a probe or
        a hook has answered.
        """
        self._task = task
        self._sight = sight
        self._runtime = runtime
        self._clock = clock
        self._host = host
        self._on_news = on_news
        self._on_answer = on_answer
        self._jobs: dict[str, asyncio.Task[None]] = {}
        self._watches: dict[str, asyncio.Task[None]] = {}

    def begin(self, step: PodStep, group: TaskGroup) -> None:
        """Do it beside everything else."""
        key = _key(step)
        assert key not in self._jobs, "one thing at a time"
        pod = self._sight.seen.pod
        self._sight.note(pod=replace(pod, busy=pod.busy | {key}))
        self._jobs[key] = group.create_task(self._work(key, step))

    def watch_all(self, group: TaskGroup) -> None:
        """Have the end, and the health, of every container that runs watched."""
        for name, container in self._sight.seen.pod.containers.items():
            known = self._watches.get(name)
            if container.running and (known is None or known.done()):
                self._watches[name] = group.create_task(self._watch(container))

    def let_go(self) -> None:
        """End what is under way; what containers do they go on doing."""
        for work in (*self._jobs.values(), *self._watches.values()):
            work.cancel()

    # --- inside

    async def _watch(self, container: Container) -> None:
        await watch(
            self._runtime,
            self._clock,
            container.task_id,
            self._on_news,
            has_check=container.healthy is not None,
            container=container.name,
        )

    async def _work(self, key: str, step: PodStep) -> None:
        try:
            await self._do(step)
        finally:
            del self._jobs[key]
            pod = self._sight.seen.pod
            self._sight.note(pod=replace(pod, busy=pod.busy - {key}))
        if isinstance(step, AskProbe | PostStart):
            self._on_answer()
        else:
            self._on_news()

    async def _do(self, step: PodStep) -> None:
        sight, runtime, task_id = self._sight, self._runtime, self._task().id
        match step:
            case Start(name):
                await sight.change("start", runtime.start(task_id, name), may_refuse=True)
            case Restart(name):
                await sight.change("restart", runtime.restart(task_id, name), may_refuse=True)
            case Stop(grace_s, _, name):
                grace_s = await self._pre_stop(name, grace_s)
                await sight.change("stop", runtime.stop(task_id, grace_s, name))
            case PostStart(name, run_id):
                await self._post_start(name, run_id)
            case AskProbe():
                await self._ask(step)

    async def _pre_stop(self, name: str, grace_s: float) -> float:
        """Run the hook, if there is one, and return what is left of the grace."""
        spec = self._spec(name)
        target = self._target(name)
        if spec is None or target is None or not spec.HasField("pre_stop"):
            return grace_s
        began = self._clock.monotonic()
        why = await attempt(self._runtime, target, spec.pre_stop, grace_s)
        if why:
            self._sight.tell("pre_stop_failed", container=name, why=why)
        return max(LEAST_GRACE_S, grace_s - (self._clock.monotonic() - began))

    async def _post_start(self, name: str, run_id: str) -> None:
        spec = self._spec(name)
        hook = spec.post_start if spec is not None else Hook()
        why = await self._attempt(name, run_id, hook, POST_START_TIMEOUT_S)
        if why is not None:
            pod = self._sight.seen.pod
            hooks = {**pod.hooks, name: HookResult(run_id, why)}
            self._sight.note(pod=replace(pod, hooks=hooks))

    async def _ask(self, step: AskProbe) -> None:
        spec = self._spec(step.container)
        probe = probe_of(spec, step.kind) if spec is not None else None
        if probe is None:
            return
        why = await self._attempt(step.container, step.run_id, probe, probe_timeout_s(probe))
        if why is None:
            return
        pod = self._sight.seen.pod
        before = pod.probe(step.container, step.kind, step.run_id)
        after = before.after(probe, passed=not why, why=why, now_ms=self._sight.now_ms())
        probes = {**pod.probes, (step.container, step.kind): after}
        self._sight.note(pod=replace(pod, probes=probes))

    async def _attempt(
        self, name: str, run_id: str, action: Probe | Hook, timeout_s: float
    ) -> str | None:
        """Return "" or why it failed; None when that run is over."""
        target = self._target(name)
        if target is None or target.container.run_id != run_id:
            self._sight.blur()
            return None
        return await attempt(self._runtime, target, action, timeout_s)

    def _spec(self, name: str) -> ContainerSpec | None:
        return next((one for one in all_containers(self._task().spec) if one.name == name), None)

    def _target(self, name: str) -> Target | None:
        seen = self._sight.seen
        container = seen.pod.containers.get(name)
        if container is None or not container.running or name == SANDBOX:
            return None
        return Target(self._task().id, container, ports_of(seen), self._host)


def _key(step: PodStep) -> str:
    """Return what `PodSight.busy` calls it: a probe or a hook keeps no container from ending."""
    match step:
        case AskProbe(name, kind):
            return f"{name}/{kind}"
        case PostStart(name):
            return f"{name}/{POST_START}"
        case Start(name) | Restart(name) | Stop(_, _, name):
            return name
