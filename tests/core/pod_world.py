"""One pod on one node whose containers are moved by steps and by what happens to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from swarmpy.core.container import Container, Exit
from swarmpy.core.pod import SANDBOX, all_containers
from swarmpy.core.pod_container import HookResult, PodSight
from swarmpy.core.probe import Kind, probe_of
from swarmpy.core.step import (
    AskProbe,
    AwaitExit,
    Nothing,
    PostStart,
    Prepare,
    Remove,
    Report,
    Restart,
    Seen,
    Start,
    Step,
    Stop,
    Wait,
)
from swarmpy.core.task_life import may_become
from swarmpy.core.task_step import next_step
from swarmpy.pb.objects_pb2 import Task, TaskStatus
from swarmpy.pb.types_pb2 import TASK_STATE_ASSIGNED, ContainerStatus, TaskState

STEPS_MAX = 200


@dataclass
class PodWorld:
    """Does at once what it is told; hooks and probes answer as `answers` says: "" is well."""

    task: Task
    now_ms: int = 1_000_000
    status: TaskStatus = field(default_factory=lambda: TaskStatus(state=TASK_STATE_ASSIGNED))
    pod: PodSight = field(default_factory=PodSight)
    answers: dict[str, str] = field(default_factory=dict)
    """By "NAME/KIND" or "NAME/post-start"."""
    told: list[str] = field(default_factory=list)
    """Every step but reports and waits, in words."""
    runs: int = 0

    def settle(self, for_s: float = 0.0) -> None:
        """Do what is next until nothing is, for so long."""
        until_ms = self.now_ms + round(for_s * 1000)
        for _ in range(STEPS_MAX):
            step = next_step(self.task, self.seen, self.now_ms)
            if isinstance(step, Wait) and step.until_ms <= until_ms:
                self.now_ms = max(self.now_ms, step.until_ms)
            elif isinstance(step, AwaitExit | Nothing | Wait):
                self.now_ms = until_ms
                return
            else:
                self._do(step)
        raise AssertionError(f"it does not come to rest: {self.told[-5:]}")

    @property
    def seen(self) -> Seen:
        return Seen(status=self.status, pod=self.pod, stop_since_ms=0)

    @property
    def state(self) -> str:
        return TaskState.Name(self.status.state).removeprefix("TASK_STATE_").lower()

    def of(self, name: str) -> ContainerStatus:
        return next(one for one in self.status.containers if one.name == name)

    def ends(self, name: str, code: int = 0, *, after_s: float = 0.0) -> None:
        """Let a container end by itself, and see to it."""
        self.settle(after_s)
        self._set(name, running=False, exit=Exit(code), ports=())
        self.settle()

    def restart_agent(self) -> None:
        """Forget everything that is neither written down nor seen by looking."""
        self.pod = PodSight(self.pod.containers)
        self.status = TaskStatus.FromString(self.status.SerializeToString())

    # --- inside

    def _do(self, step: Step) -> None:
        if not isinstance(step, Report):
            self.told.append(in_words(step))
        match step:
            case Report(status):
                assert may_become(self.status.state, status.state)
                self.status = status
            case Prepare():
                names = [spec.name for spec in all_containers(self.task.spec)]
                self.pod = replace(self.pod, containers={name: self._made(name) for name in names})
            case Start(name) | Restart(name):
                self.runs += 1
                self._set(name, running=True, exit=None, run_id=f"run {self.runs}")
            case Stop(_, _, name):
                self._set(name, running=False, exit=Exit(143), ports=())
            case PostStart(name, run_id):
                result = HookResult(run_id, self.answers.get(f"{name}/post-start", ""))
                self.pod = replace(self.pod, hooks={**self.pod.hooks, name: result})
            case AskProbe(name, kind, run_id):
                self._answer(name, kind, run_id)
            case Remove():
                self.pod = replace(self.pod, containers={})
            case AwaitExit() | Nothing() | Wait():
                raise AssertionError("there is nothing to do")

    def _answer(self, name: str, kind: Kind, run_id: str) -> None:
        spec = next(one for one in all_containers(self.task.spec) if one.name == name)
        probe = probe_of(spec, kind)
        assert probe is not None
        why = self.answers.get(f"{name}/{kind}", "")
        before = self.pod.probe(name, kind, run_id)
        after = before.after(probe, passed=not why, why=why, now_ms=self.now_ms)
        self.pod = replace(self.pod, probes={**self.pod.probes, (name, kind): after})

    def _made(self, name: str) -> Container:
        return Container(self.task.id, f"id-{name}", running=False, name=name)

    def _set(self, name: str, **changes: object) -> None:
        changed = replace(self.pod.containers[name], **changes)  # type: ignore[arg-type]
        self.pod = replace(self.pod, containers={**self.pod.containers, name: changed})


def in_words(step: Step) -> str:
    match step:
        case AskProbe(name, kind):
            return f"ask {name} {kind}"
        case PostStart(name):
            return f"post-start {name}"
        case Stop(grace_s, _, name):
            return f"stop {name} within {grace_s:g} s"
        case Start(name) | Restart(name):
            return f"{type(step).__name__.lower()} {name}"
        case _:
            pass
    return type(step).__name__.lower()


def running(world: PodWorld) -> Iterator[str]:
    for name, container in world.pod.containers.items():
        if container.running and name != SANDBOX:
            yield name
