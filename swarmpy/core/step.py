"""What an agent may do next for a task, and what it knows when it decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from swarmpy.core.container import Container
from swarmpy.core.pod_container import PodSight
from swarmpy.core.probe import Kind
from swarmpy.pb.objects_pb2 import Task, TaskStatus
from swarmpy.pb.specs_pb2 import ContainerSpec
from swarmpy.pb.types_pb2 import TASK_STATE_COMPLETE, TASK_STATE_RUNNING

DEFAULT_GRACE_S = 10.0
DEFAULT_DRAIN_S = 1.0
RETRY_MIN_S = 0.5
RETRY_MAX_S = 30.0
POST_START = "post-start"
"""`PodSight.busy` has "NAME/post-start" while such a hook runs."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one node knows of one of its tasks, beside what managers say."""

    status: TaskStatus
    """As written down last."""
    container: Container | None = None
    """None when there is none."""
    out_of_reach: bool = False
    """The engine did not answer, so `container` says nothing."""
    retry_at_ms: int = 0
    """The engine failed: it is not asked for anything before this."""
    needs_met: bool = True
    """The configs, secrets and networks that the task refers to are here."""
    refused: str = ""
    """Why the runtime will not run it, however often it is asked."""
    failed: str = ""
    """Why this node itself stops it."""
    stop_since_ms: int | None = None
    """Since when this node knows that managers want it stopped."""
    pod: PodSight = field(default_factory=PodSight)
    """Its inside, when it is a pod; `container` is then None."""


# --- steps


@dataclass(frozen=True, slots=True)
class Prepare:
    """Fetch the image and make the container."""


@dataclass(frozen=True, slots=True)
class Start:
    """Start the container that was made."""

    container: str = ""
    """Which of a pod's; "" is a plain task's only one."""


@dataclass(frozen=True, slots=True)
class AwaitExit:
    """It runs: look again when it ends or its health changes."""


@dataclass(frozen=True, slots=True)
class Stop:
    """End it: its stop signal, the grace, then by force."""

    grace_s: float
    because: str = ""
    """Set when it is this node that gives it up."""
    container: str = ""
    """As in `Start`. Its pre-stop hook is run first, within the grace."""


@dataclass(frozen=True, slots=True)
class Restart:
    """Start a container of a pod again, that has ended."""

    container: str


@dataclass(frozen=True, slots=True)
class PostStart:
    """Run the post-start hook of a container of a pod."""

    container: str
    run_id: str


@dataclass(frozen=True, slots=True)
class AskProbe:
    """Make one attempt of a probe of a container of a pod."""

    container: str
    kind: Kind
    run_id: str


@dataclass(frozen=True, slots=True)
class Remove:
    """Forget the task's containers."""


@dataclass(frozen=True, slots=True)
class Report:
    """Write this status down, then tell managers."""

    status: TaskStatus


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again at this time, or earlier when something happens."""

    until_ms: int


@dataclass(frozen=True, slots=True)
class Nothing:
    """Look again when managers want something else."""


PodStep: TypeAlias = Start | Stop | Restart | PostStart | AskProbe
"""What is done to one container of a pod, while others go on."""
Step: TypeAlias = (
    Prepare | Start | AwaitExit | Stop | Remove | Report | Wait | Nothing
    | Restart | PostStart | AskProbe
)  # fmt: skip
ASKED_OF_THE_ENGINE = (Prepare, Start, Stop, Remove, Restart)


def retry_delay_s(failures: int) -> float:
    """Return how long to leave an engine alone that failed so often in a row."""
    return min(RETRY_MAX_S, RETRY_MIN_S * 2.0 ** min(failures - 1, 10))


def wanted_stopped(task: Task) -> bool:
    """Managers want it to end, whatever it does."""
    return task.desired_state > TASK_STATE_COMPLETE


def grace_of(container: ContainerSpec) -> float:
    """Return how many seconds a container has to end once it is asked to."""
    return container.stop_grace_s or DEFAULT_GRACE_S


def drained_ms(task: Task, seen: Seen, now_ms: int) -> int:
    """Return when every node will have left a task that is stopped out of its routes."""
    if seen.status.state != TASK_STATE_RUNNING or not task.ports:
        return now_ms
    since_ms = now_ms if seen.stop_since_ms is None else seen.stop_since_ms
    return since_ms + int((task.drain_s or DEFAULT_DRAIN_S) * 1000)
