"""Does what decisions ask for, inside one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar, assert_never

from swarmpy.core.actions import (
    Action,
    AdoptTask,
    AllocatePorts,
    AllocateSubnet,
    AllocateTask,
    AssignTask,
    CreateRun,
    CreateTask,
    DeleteRow,
    DeleteTask,
    EndTask,
    Evict,
    Nominate,
    NoteSchedule,
    RemoveService,
    RemoveVolume,
    SetDesiredState,
    SetJob,
    SetMaintenance,
    SetPendingReason,
    SetReplicas,
    SetRollout,
    StartAt,
    Tell,
)
from swarmpy.core.task_life import may_become
from swarmpy.ids import IdSource
from swarmpy.manager.image_pins import repin
from swarmpy.manager.revisions import record
from swarmpy.manager.volume_claims import claim
from swarmpy.pb.objects_pb2 import Event, Eviction, Service, Task
from swarmpy.pb.types_pb2 import (
    TASK_STATE_ASSIGNED,
    TASK_STATE_PENDING,
    TASK_STATE_SHUTDOWN,
    TaskState,
)
from swarmpy.store.editor import Editor

R = TypeVar("R", Task, Service, Event)


def perform(tx: Editor, actions: Iterable[Action], ids: IdSource, now_ms: int) -> None:
    """Write every action into `tx`."""
    for action in actions:
        match action:
            case CreateTask() | CreateRun() | Tell():
                _create(tx, action, ids)
            case NoteSchedule():
                _note_schedule(tx, action)
            case DeleteTask(task_id):
                tx.tasks.delete(task_id)
            case DeleteRow(table, row_id):
                getattr(tx, table).delete(row_id)
            case AssignTask(task_id, node_id):
                _assign(tx, task_id, node_id, ids, now_ms)
            case AllocateSubnet() | RemoveVolume() | SetMaintenance():
                _edit_belonging(tx, action)
            case AllocatePorts() | SetRollout() | SetReplicas() | SetJob() | RemoveService():
                _edit_service(tx, action, ids)
            case (
                SetDesiredState()
                | StartAt()
                | AdoptTask()
                | AllocateTask()
                | SetPendingReason()
                | Evict()
                | Nominate()
                | EndTask()
            ):
                _edit_task(tx, action, now_ms)
            case _:
                assert_never(action)


def _create(tx: Editor, action: CreateTask | CreateRun | Tell, ids: IdSource) -> None:
    match action:
        case CreateTask(task):
            tx.tasks.create(_with_id(task, ids))
            if task.service_id:
                tx.services.check(task.service_id)
        case CreateRun(run):
            tx.services.create(_with_id(run, ids))
            tx.cron_jobs.check(run.cron_job_id)
        case Tell(event):
            tx.events.create(_with_id(event, ids))


def _with_id(row: R, ids: IdSource) -> R:
    copy = type(row)()
    copy.CopyFrom(row)
    copy.id = ids.new_id()
    return copy


def _note_schedule(tx: Editor, action: NoteSchedule) -> None:
    with tx.cron_jobs.edit(action.cron_job_id) as cron_job:
        cron_job.considered_until_ms = action.until_ms
        cron_job.last_scheduled_at_ms = action.started_ms or cron_job.last_scheduled_at_ms


def _edit_belonging(tx: Editor, action: AllocateSubnet | RemoveVolume | SetMaintenance) -> None:
    match action:
        case AllocateSubnet(network_id, subnet):
            with tx.networks.edit(network_id) as network:
                network.subnet = subnet
        case RemoveVolume(volume_id):
            with tx.volumes.edit(volume_id) as volume:
                volume.removing = True
        case SetMaintenance(node_id, is_open):
            with tx.nodes.edit(node_id) as node:
                node.in_maintenance = is_open


def _edit_service(
    tx: Editor,
    action: AllocatePorts | SetRollout | SetReplicas | SetJob | RemoveService,
    ids: IdSource,
) -> None:
    with tx.services.edit(action.service_id) as service:
        match action:
            case AllocatePorts(_, ports, error):
                del service.ports[:]
                service.ports.extend(ports)
                service.ports_allocated = not error
                service.allocation_error = error
            case SetRollout(_, status, spec):
                service.rollout.CopyFrom(status)
                if spec is not None:
                    service.spec.CopyFrom(spec)
                    service.ClearField("previous_spec")
                    service.spec_version += 1
                    service.ports_allocated = False
                    record(tx, service, f"rolled back: {status.message}", ids)
                    repin(tx, service)
            case SetReplicas(_, replicas):
                service.spec.replicated.replicas = replicas
            case SetJob(_, job):
                service.job.CopyFrom(job)
            case RemoveService():
                service.removing = True


def _edit_task(
    tx: Editor,
    action: (
        SetDesiredState
        | StartAt
        | AdoptTask
        | AllocateTask
        | SetPendingReason
        | Evict
        | Nominate
        | EndTask
    ),
    now_ms: int,
) -> None:
    with tx.tasks.edit(action.task_id) as task:
        match action:
            case SetDesiredState(_, state):
                assert task.desired_state <= state, "tasks do not travel back in time"
                task.desired_state = state
            case StartAt(_, at_ms):
                task.start_after_ms = at_ms
            case AdoptTask(_, spec_version):
                assert task.spec_version <= spec_version, "versions only grow"
                task.spec_version = spec_version
            case AllocateTask(_, addresses, node_id, bound_by):
                del task.addresses[:]
                task.addresses.extend(addresses)
                if node_id:
                    task.node_id, task.bound_by = node_id, bound_by
                task.pending_reason = ""
                _observe(task, TASK_STATE_PENDING, now_ms)
            case SetPendingReason(_, reason):
                task.pending_reason = reason
            case Evict(_, reason, at_once):
                task.eviction.CopyFrom(Eviction(reason=reason, at_once=at_once))
            case Nominate(_, node_id):
                task.nominated_node_id = node_id
            case EndTask(_, state, error):
                task.status.error = error
                _observe(task, state, now_ms)


def _assign(tx: Editor, task_id: str, node_id: str, ids: IdSource, now_ms: int) -> None:
    """Give a task its node; end it if a volume of it has come to be on another one."""
    with tx.tasks.edit(task_id) as task:
        assert task.node_id in {"", node_id}, "a task never moves"
        if not claim(tx, task, node_id, ids):
            task.desired_state = TASK_STATE_SHUTDOWN
            return
        task.node_id = node_id
        task.pending_reason = ""
        task.nominated_node_id = ""
        _observe(task, TASK_STATE_ASSIGNED, now_ms)


def _observe(task: Task, state: TaskState.ValueType, now_ms: int) -> None:
    assert may_become(task.status.state, state), "states only grow, and an end is the end"
    task.status.state = state
    task.status.since_ms = now_ms
