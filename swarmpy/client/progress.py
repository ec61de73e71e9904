"""How far services are from what was asked of them: a pure function over what a watch said."""

from __future__ import annotations

from dataclasses import dataclass

from swarmpy.client.picture import Picture
from swarmpy.client.slots import Slot, is_left_over, slots_of
from swarmpy.core.job_run import recorded
from swarmpy.core.mode import GLOBAL, GLOBAL_JOB, REPLICATED_JOB, is_job, mode_of, size_of
from swarmpy.core.task_life import has_node, is_ended
from swarmpy.core.tell import task_name, why_ended
from swarmpy.pb.objects_pb2 import (
    JOB_STATE_FAILED,
    ROLLOUT_STATE_COMPLETED,
    ROLLOUT_STATE_NONE,
    ROLLOUT_STATE_PAUSED,
    ROLLOUT_STATE_ROLLED_BACK,
    ROLLOUT_STATE_ROLLING_BACK,
    ROLLOUT_STATE_UPDATING,
    RolloutState,
    Service,
    Task,
)
from swarmpy.pb.types_pb2 import TaskState

_HELD_UP = "somebody paused its updates"
_SETTLED = {ROLLOUT_STATE_NONE, ROLLOUT_STATE_COMPLETED, ROLLOUT_STATE_ROLLED_BACK}
_UNDER_WAY = {ROLLOUT_STATE_UPDATING, ROLLOUT_STATE_ROLLING_BACK}


@dataclass(frozen=True, slots=True)
class TaskProgress:
    """One slot's newest task."""

    task_id: str
    name: str
    """`service.slot`, or `service@node` where there is one on each node."""
    state: TaskState.ValueType
    reason: str
    """Why it does not run; empty when it does, or nobody knows."""
    node_id: str
    served: bool
    """It is as asked."""
    unplaced: bool
    """No node takes it, and `reason` says why."""


@dataclass(frozen=True, slots=True)
class ServiceProgress:
    """How one service stands."""

    service_id: str
    name: str
    running: int
    """Slots that are as asked; of a job, those that have completed."""
    wanted: int
    tasks: tuple[TaskProgress, ...]
    rollout: RolloutState.ValueType
    rollout_message: str
    undone: bool
    """An update to what was asked failed, and was rolled back."""
    blocked: str
    """Why none of it can start, e.g. a port that is taken."""
    failing: str
    """Why it counts as unhealthy."""
    done: bool

    @property
    def unplaced(self) -> str:
        """Why nothing moves: all that is missing waits for a node or a port. Else empty."""
        if self.done:
            return ""
        if self.blocked:
            return f"{self.name}: {self.blocked}"
        missing = [task for task in self.tasks if not task.served]
        if missing and all(task.unplaced for task in missing):
            return f"{missing[0].name}: {missing[0].reason}"
        return ""


@dataclass(frozen=True, slots=True)
class Progress:
    """How everything that is waited for stands."""

    services: tuple[ServiceProgress, ...]

    @property
    def done(self) -> bool:
        """All of it is what was asked."""
        return all(service.done for service in self.services)

    @property
    def running(self) -> int:
        return sum(service.running for service in self.services)

    @property
    def wanted(self) -> int:
        return sum(service.wanted for service in self.services)

    @property
    def unplaced(self) -> str:
        """Why nothing moves: every service that is not done waits for a node or a port."""
        reasons = [service.unplaced for service in self.services if not service.done]
        return reasons[0] if reasons and all(reasons) else ""


def service_progress(
    service: Service, picture: Picture, *, since_version: int, asked_spec_version: int
) -> ServiceProgress:
    """Return how `service` stands.

    What failed up to `since_version` is old news. A rollback is bad news only when it put
    something else in the place of what was asked, the spec of `asked_spec_version`.
    """
    tasks = picture.tasks_of(service.id)
    slots = slots_of(service, tasks)
    counting = [slot for slot in slots if slot.is_wanted]
    running = sum(slot.is_served for slot in counting)
    wanted = _wanted(service, counting)
    rollout = service.rollout
    undone = (
        rollout.state == ROLLOUT_STATE_ROLLED_BACK and service.spec_version != asked_spec_version
    )
    has_left_over = any(is_left_over(service, task) for task in tasks)
    held_up = service.paused and has_left_over
    ports_ready = service.ports_allocated or not service.spec.endpoint.ports
    return ServiceProgress(
        service_id=service.id,
        name=service.spec.name,
        running=running,
        wanted=wanted,
        tasks=tuple(_task_progress(slot) for slot in counting),
        rollout=ROLLOUT_STATE_PAUSED if held_up else rollout.state,
        rollout_message=_HELD_UP if held_up else rollout.message,
        undone=undone,
        blocked=_blocked(service, slots),
        failing=_failing(service, slots, since_version),
        done=(
            running == wanted == len(counting)
            and not has_left_over
            and ports_ready
            and rollout.state in _SETTLED
            and not undone
        ),
    )


def _failing(service: Service, slots: list[Slot], since_version: int) -> str:
    """Return why it counts as unhealthy. Of a job that is tried again only the end counts."""
    if is_job(service):
        is_failed = recorded(service).state == JOB_STATE_FAILED
        return service.job.message if is_failed else ""
    failures = (why for slot in slots if (why := slot.unhealthy(since_version)))
    return "" if service.rollout.state in _UNDER_WAY else next(failures, "")


def _wanted(service: Service, counting: list[Slot]) -> int:
    mode = mode_of(service)
    if (size := size_of(service)) is not None:
        return size
    if mode == REPLICATED_JOB:
        return service.spec.replicated_job.completions
    return max(1, len(counting))


def _blocked(service: Service, slots: list[Slot]) -> str:
    if service.allocation_error:
        return service.allocation_error
    return "no node takes it" if mode_of(service) in {GLOBAL, GLOBAL_JOB} and not slots else ""


def _task_progress(slot: Slot) -> TaskProgress:
    task = slot.newest
    unplaced = not has_node(task) and bool(task.pending_reason)
    return TaskProgress(
        task_id=task.id,
        name=task_name(task),
        state=task.status.state,
        reason="" if slot.is_served else _reason(task, last_failure=_last_failure(slot)),
        node_id=task.node_id,
        served=slot.is_served,
        unplaced=unplaced,
    )


def _reason(task: Task, last_failure: str) -> str:
    if task.pending_reason and not has_node(task):
        return task.pending_reason
    if is_ended(task):
        return why_ended(task)
    return task.status.error or last_failure or task.status.message


def _last_failure(slot: Slot) -> str:
    """Return why the task before this one failed: what a restarting task is about."""
    failures = [task for task in slot.failures() if task != slot.newest]
    return f"before: {why_ended(failures[-1])}" if failures else ""
