"""What a decision may ask for. A closed set: manager/perform.py does each of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from swarmpy.pb.objects_pb2 import (
    Event,
    JobStatus,
    NetworkAddress,
    RolloutStatus,
    Service,
    Task,
)
from swarmpy.pb.specs_pb2 import ServiceSpec
from swarmpy.pb.types_pb2 import PortConfig, TaskState


@dataclass(frozen=True, slots=True)
class CreateTask:
    """Add a task. Its id is empty: whoever performs this makes one.

    It is not added if its service changes meanwhile: a removed service gets no more tasks.
    """

    task: Task


@dataclass(frozen=True, slots=True)
class SetDesiredState:
    """Move what managers want of a task forward; never back."""

    task_id: str
    state: TaskState.ValueType


@dataclass(frozen=True, slots=True)
class StartAt:
    """Let a task, made to wait, start at this time instead."""

    task_id: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class AdoptTask:
    """Count a task as made from this version of its service: it asks for the very same."""

    task_id: str
    spec_version: int


@dataclass(frozen=True, slots=True)
class AllocateTask:
    """Give a task its addresses and make it PENDING; with `node_id`, for that node alone."""

    task_id: str
    addresses: tuple[NetworkAddress, ...]
    node_id: str = ""
    bound_by: str = ""
    """Names of the volumes that are there."""


@dataclass(frozen=True, slots=True)
class AssignTask:
    """Give a PENDING task its node for good, and its volumes theirs."""

    task_id: str
    node_id: str


@dataclass(frozen=True, slots=True)
class SetPendingReason:
    """Say why a task has no node or no address yet."""

    task_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Evict:
    """Ask a task to leave its node, though it could stay."""

    task_id: str
    reason: str
    """What it does thereby: "makes room for db"."""
    at_once: bool = False
    """Without regard for its service's disruption budget."""


@dataclass(frozen=True, slots=True)
class Nominate:
    """Keep a node for a waiting task, against tasks of lower priorities."""

    task_id: str
    node_id: str


@dataclass(frozen=True, slots=True)
class SetMaintenance:
    """Open or close a node's maintenance window."""

    node_id: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class EndTask:
    """Set the observed state of a task whose agent cannot: ORPHANED, REJECTED or SHUTDOWN."""

    task_id: str
    state: TaskState.ValueType
    error: str


@dataclass(frozen=True, slots=True)
class DeleteTask:
    task_id: str


@dataclass(frozen=True, slots=True)
class AllocatePorts:
    """Fill in a service's published ports, or say why that cannot be done yet."""

    service_id: str
    ports: tuple[PortConfig, ...]
    error: str = ""


@dataclass(frozen=True, slots=True)
class AllocateSubnet:
    network_id: str
    subnet: str


@dataclass(frozen=True, slots=True)
class SetRollout:
    """Record how a rollout stands; with `spec`, put the service back to that spec."""

    service_id: str
    status: RolloutStatus
    spec: ServiceSpec | None = None


@dataclass(frozen=True, slots=True)
class SetReplicas:
    """Give a replicated service another size."""

    service_id: str
    replicas: int


@dataclass(frozen=True, slots=True)
class SetJob:
    """Record how a job's run stands."""

    service_id: str
    status: JobStatus


@dataclass(frozen=True, slots=True)
class RemoveService:
    """Let a service's tasks end; then it goes."""

    service_id: str


@dataclass(frozen=True, slots=True)
class CreateRun:
    """Add a run of a cron job. Its id is empty: whoever performs this makes one.

    It is not added if the cron job changes meanwhile.
    """

    run: Service


@dataclass(frozen=True, slots=True)
class NoteSchedule:
    """Record up to when a cron job's schedule was dealt with, and that a run was started."""

    cron_job_id: str
    until_ms: int
    started_ms: int = 0


@dataclass(frozen=True, slots=True)
class RemoveVolume:
    """Let a volume's nodes remove it; then it goes."""

    volume_id: str


@dataclass(frozen=True, slots=True)
class DeleteRow:
    """Remove a row of another table than tasks, e.g. a removed service without tasks."""

    table: str
    row_id: str


@dataclass(frozen=True, slots=True)
class Tell:
    """Record an event for people. Its id is empty: whoever performs this makes one."""

    event: Event


Action: TypeAlias = (
    CreateTask
    | SetDesiredState
    | StartAt
    | AdoptTask
    | AllocateTask
    | AssignTask
    | SetPendingReason
    | Evict
    | Nominate
    | EndTask
    | DeleteTask
    | SetMaintenance
    | AllocatePorts
    | AllocateSubnet
    | SetRollout
    | SetReplicas
    | SetJob
    | RemoveService
    | CreateRun
    | NoteSchedule
    | RemoveVolume
    | DeleteRow
    | Tell
)


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now, and when to look again even if nothing changes."""

    actions: tuple[Action, ...] = ()
    look_again_ms: int | None = None


IN_ORDER = Decision()

ACTIONS_AT_ONCE = 500
"""About what one decision asks for at most, so that an entry of the log stays small."""


def take(steps: Iterable[tuple[Action, ...]], look_again_ms: int | None = None) -> Decision:
    """Return as many steps as fit at once, each of them whole.

    When some did not fit, the decision says to look again at once.
    """
    actions: list[Action] = []
    for step in steps:
        if len(actions) >= ACTIONS_AT_ONCE:
            return Decision(tuple(actions), look_again_ms=0)
        actions.extend(step)
    return Decision(tuple(actions), look_again_ms)
