"""Is it as asked? Every way a service can stand, as a table over what a watch has said."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from swarmpy.client.picture import Picture
from swarmpy.client.progress import Progress, ServiceProgress, service_progress
from swarmpy.client.streams import Changes
from swarmpy.pb.control_pb2 import RemovedRow
from swarmpy.pb.objects_pb2 import (
    ROLLOUT_STATE_COMPLETED,
    ROLLOUT_STATE_PAUSED,
    ROLLOUT_STATE_ROLLED_BACK,
    ROLLOUT_STATE_UPDATING,
    RolloutState,
    RolloutStatus,
    Service,
    Task,
    TaskStatus,
)
from swarmpy.pb.specs_pb2 import (
    EndpointSpec,
    GlobalMode,
    ReplicatedJobMode,
    ReplicatedMode,
    ServiceSpec,
    TaskSpec,
)
from swarmpy.pb.types_pb2 import (
    RESTART_CONDITION_ANY,
    RESTART_CONDITION_NONE,
    RESTART_CONDITION_ON_FAILURE,
    TASK_STATE_COMPLETE,
    TASK_STATE_FAILED,
    TASK_STATE_NEW,
    TASK_STATE_PENDING,
    TASK_STATE_PREPARING,
    TASK_STATE_REJECTED,
    TASK_STATE_RUNNING,
    TASK_STATE_SHUTDOWN,
    PortConfig,
    RestartCondition,
    RestartPolicy,
    TaskState,
)

ASKED_AT = 50
NEW, PENDING, PREPARING = TASK_STATE_NEW, TASK_STATE_PENDING, TASK_STATE_PREPARING
RUNNING, COMPLETE = TASK_STATE_RUNNING, TASK_STATE_COMPLETE
FAILED, REJECTED, SHUTDOWN = TASK_STATE_FAILED, TASK_STATE_REJECTED, TASK_STATE_SHUTDOWN


@dataclass(frozen=True)
class T:
    """One task of the table."""

    slot: int
    state: TaskState.ValueType
    spec: int = 2
    desired: TaskState.ValueType = RUNNING
    why: str = ""
    error: str = ""
    version: int = ASKED_AT + 1
    node: str = "n1"


@dataclass(frozen=True)
class Row:
    """One way to stand, and what shall be said of it."""

    mode: ServiceSpec
    tasks: list[T]
    done: bool = False
    running: int = 0
    failing: str = ""
    unplaced: str = ""
    rollout: RolloutState.ValueType = ROLLOUT_STATE_COMPLETED
    restart: RestartCondition.ValueType = RESTART_CONDITION_ANY
    fields: dict[str, object] = field(default_factory=dict)


def replicas(number: int) -> ServiceSpec:
    return ServiceSpec(replicated=ReplicatedMode(replicas=number))


def job(completions: int) -> ServiceSpec:
    return ServiceSpec(replicated_job=ReplicatedJobMode(completions=completions))


EVERYWHERE = ServiceSpec(**{"global": GlobalMode()})  # type: ignore[arg-type]  # a keyword
PORT = EndpointSpec(ports=[PortConfig(target=80)])

ROWS = {
    "all run": Row(replicas(2), [T(1, RUNNING), T(2, RUNNING)], done=True, running=2),
    "one is missing": Row(replicas(2), [T(1, RUNNING)], running=1),
    "one starts": Row(replicas(2), [T(1, RUNNING), T(2, PREPARING)], running=1),
    "none are wanted": Row(replicas(0), [], done=True),
    "one too many, not yet told to stop": Row(
        replicas(1), [T(1, RUNNING), T(2, RUNNING)], running=2
    ),
    "one too many, told to stop": Row(
        replicas(1), [T(1, RUNNING), T(2, RUNNING, desired=SHUTDOWN)], done=True, running=1
    ),
    "an old one still runs": Row(replicas(1), [T(1, RUNNING, spec=1)]),
    "the old one stops": Row(
        replicas(1),
        [T(1, RUNNING, spec=1, desired=SHUTDOWN), T(1, RUNNING)],
        done=True,
        running=1,
    ),
    "new ones run, but the rollout goes on": Row(
        replicas(1), [T(1, RUNNING)], running=1, rollout=ROLLOUT_STATE_UPDATING
    ),
    "the rollout has stopped": Row(
        replicas(1), [T(1, RUNNING)], running=1, rollout=ROLLOUT_STATE_PAUSED
    ),
    "ports are not there yet": Row(
        replicas(1), [T(1, RUNNING)], running=1, fields={"ports_allocated": False}
    ),
    "a port is taken": Row(
        replicas(1),
        [T(1, NEW)],
        unplaced="web: port 80 is taken",
        fields={"ports_allocated": False, "allocation_error": "port 80 is taken"},
    ),
    "no node takes any": Row(
        replicas(2),
        [T(1, PENDING, why="needs 2 cpus"), T(2, PENDING, why="needs 2 cpus")],
        unplaced="web.1: needs 2 cpus",
    ),
    "no node takes one, another is on its way": Row(
        replicas(2), [T(1, PENDING, why="needs 2 cpus"), T(2, PREPARING)]
    ),
    "no node takes one, the others run": Row(
        replicas(2),
        [T(1, RUNNING), T(2, PENDING, why="needs 2 cpus")],
        running=1,
        unplaced="web.2: needs 2 cpus",
    ),
    "two failures are not yet unhealthy": Row(
        replicas(1),
        [T(1, FAILED, desired=SHUTDOWN), T(1, FAILED, desired=SHUTDOWN), T(1, PENDING)],
    ),
    "three failures are": Row(
        replicas(1),
        [*(T(1, FAILED, desired=SHUTDOWN, error="exit code 1") for _ in range(3)), T(1, PENDING)],
        failing="web.1 failed 3 times: exit code 1",
    ),
    "three failures before the question are old news": Row(
        replicas(1), [*(T(1, FAILED, desired=SHUTDOWN, version=9) for _ in range(3)), T(1, NEW)]
    ),
    "failures of an old spec are old news": Row(
        replicas(1), [*(T(1, FAILED, spec=1, desired=SHUTDOWN) for _ in range(3)), T(1, NEW)]
    ),
    "a rollout judges failures itself": Row(
        replicas(1),
        [*(T(1, FAILED, desired=SHUTDOWN) for _ in range(3)), T(1, NEW)],
        rollout=ROLLOUT_STATE_UPDATING,
    ),
    "it failed, and runs again": Row(
        replicas(1),
        [*(T(1, FAILED, desired=SHUTDOWN) for _ in range(3)), T(1, RUNNING)],
        done=True,
        running=1,
    ),
    "it is not to be replaced yet": Row(replicas(1), [T(1, FAILED)]),
    "without restarts one failure is enough": Row(
        replicas(1),
        [T(1, REJECTED, desired=COMPLETE, error="no such image")],
        failing="web.1 failed: no such image",
        restart=RESTART_CONDITION_NONE,
    ),
    "a one-shot that ended well is done": Row(
        replicas(1),
        [T(1, COMPLETE, desired=COMPLETE)],
        done=True,
        running=1,
        restart=RESTART_CONDITION_ON_FAILURE,
    ),
    "a service that keeps ending with code 0 is unhealthy": Row(
        replicas(1),
        [*(T(1, COMPLETE, desired=SHUTDOWN) for _ in range(3)), T(1, NEW)],
        failing="web.1 failed 3 times: ended",
    ),
    "a job runs": Row(job(2), [T(1, COMPLETE), T(2, RUNNING, desired=COMPLETE)], running=1),
    "a job has completed": Row(job(2), [T(1, COMPLETE), T(2, COMPLETE)], done=True, running=2),
    "one on every node": Row(
        EVERYWHERE, [T(0, RUNNING, node="n1"), T(0, RUNNING, node="n2")], done=True, running=2
    ),
    "one on every node, one starts": Row(
        EVERYWHERE, [T(0, RUNNING, node="n1"), T(0, PREPARING, node="n2")], running=1
    ),
    "global, and no node matches": Row(EVERYWHERE, [], unplaced="web: no node takes it"),
}


def stands(row: Row, asked_spec_version: int = 2) -> ServiceProgress:
    service = Service(
        id="s1",
        spec_version=2,
        version=ASKED_AT,
        ports_allocated=True,
        rollout=RolloutStatus(state=row.rollout),
        spec=ServiceSpec(
            name="web",
            endpoint=PORT,
            task=TaskSpec(restart=RestartPolicy(condition=row.restart)),
        ),
    )
    service.spec.MergeFrom(row.mode)
    for name, value in row.fields.items():
        setattr(service, name, value)
    picture = Picture()
    tasks = [
        Task(
            id=f"t{number}",
            version=task.version,
            created_at_ms=number,
            service_id="s1",
            service_name="web",
            slot=task.slot,
            node_id=task.node,
            spec_version=task.spec,
            spec=service.spec.task,
            desired_state=task.desired,
            pending_reason=task.why,
            status=TaskStatus(state=task.state, error=task.error),
        )
        for number, task in enumerate(row.tasks)
    ]
    picture.take(Changes(ASKED_AT, True, (service, *tasks), ()))
    return service_progress(
        service,
        picture,
        since_version=ASKED_AT,
        asked_spec_version=asked_spec_version,
    )


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_how_it_stands(row: Row) -> None:
    progress = stands(row)
    assert (progress.running, progress.failing, progress.unplaced, progress.done) == (
        row.running,
        row.failing,
        row.unplaced,
        row.done,
    )


def test_a_rollback_is_as_asked_unless_another_spec_was_asked_for() -> None:
    row = Row(replicas(1), [T(1, RUNNING)], rollout=ROLLOUT_STATE_ROLLED_BACK)
    asked_for, instead_of = stands(row), stands(row, asked_spec_version=1)
    assert (asked_for.done, asked_for.undone) == (True, False)
    assert (instead_of.done, instead_of.undone) == (False, True)


def test_the_whole_is_done_when_every_part_is_and_stuck_when_every_part_is() -> None:
    done, stuck, moving = (
        stands(ROWS[name]) for name in ("all run", "no node takes any", "one starts")
    )
    assert Progress((done, done)).done
    assert not Progress((done, stuck)).done
    assert Progress((done, stuck)).unplaced == "web.1: needs 2 cpus"
    assert Progress((moving, stuck)).unplaced == ""


def test_a_resync_forgets_and_a_removal_removes() -> None:
    picture = Picture()
    picture.take(Changes(5, True, (Service(id="a"), Service(id="b"), Task(id="t")), ()))
    picture.take(Changes(6, False, (), (RemovedRow(table="services", id="a"),)))
    assert list(picture.services) == ["b"]
    picture.take(Changes(6, True, (Service(id="c"),), ()))
    assert (list(picture.services), picture.tasks, picture.index) == (["c"], {}, 6)
