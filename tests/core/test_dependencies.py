"""A service waits for the services that it depends on."""

from __future__ import annotations

import pytest

from swarmpy.core.dependencies import unmet
from swarmpy.pb.objects_pb2 import (
    JOB_STATE_COMPLETE,
    JOB_STATE_FAILED,
    JOB_STATE_RUNNING,
    JobState,
    JobStatus,
    Service,
)
from swarmpy.pb.specs_pb2 import (
    DEPENDENCY_CONDITION_COMPLETED,
    DEPENDENCY_CONDITION_HEALTHY,
    DEPENDENCY_CONDITION_STARTED,
    DependencyCondition,
)
from swarmpy.pb.types_pb2 import (
    TASK_STATE_COMPLETE,
    TASK_STATE_FAILED,
    TASK_STATE_RUNNING,
    TASK_STATE_SHUTDOWN,
    TASK_STATE_STARTING,
    TaskState,
)
from swarmpy.testing.builders import service, service_spec, task


def db(*, replicas: int = 1, removing: bool = False) -> Service:
    row = service("s2", service_spec("db", replicas=replicas))
    row.removing = removing
    return row


def job(state: JobState.ValueType, *, of_version: int = 1) -> Service:
    row = service("s2", service_spec("db"))
    row.spec.replicated_job.completions = 1
    row.job.CopyFrom(JobStatus(state=state, spec_version=of_version))
    return row


STARTED, HEALTHY = DEPENDENCY_CONDITION_STARTED, DEPENDENCY_CONDITION_HEALTHY
COMPLETED = DEPENDENCY_CONDITION_COMPLETED
EVERY = {STARTED, HEALTHY, COMPLETED}
RUNNING, WANTED = TASK_STATE_RUNNING, TASK_STATE_RUNNING

ENDED_WELL = (TASK_STATE_COMPLETE, TASK_STATE_COMPLETE)

CASES = [
    ("running", db(), [(RUNNING, WANTED)], {STARTED, HEALTHY}),
    ("starting", db(), [(TASK_STATE_STARTING, WANTED)], {STARTED}),
    ("stopping", db(), [(RUNNING, TASK_STATE_SHUTDOWN)], set()),
    ("one of two", db(), [(TASK_STATE_FAILED, WANTED), (RUNNING, WANTED)], {STARTED, HEALTHY}),
    ("ended well", db(), [ENDED_WELL], {STARTED, COMPLETED}),
    ("ended badly", db(), [(TASK_STATE_FAILED, TASK_STATE_COMPLETE)], set()),
    ("one of two ended", db(replicas=2), [ENDED_WELL], {STARTED}),
    ("no task", db(), [], set()),
    ("none asked for", db(replicas=0), [], EVERY),
    ("leaving", db(removing=True), [(RUNNING, WANTED)], set()),
    ("unknown", None, [], set()),
    ("job runs", job(JOB_STATE_RUNNING), [(RUNNING, WANTED)], set()),
    ("job completed", job(JOB_STATE_COMPLETE), [], EVERY),
    ("job of an older version", job(JOB_STATE_COMPLETE, of_version=0), [], set()),
    ("job failed", job(JOB_STATE_FAILED), [], set()),
]


@pytest.mark.parametrize("condition", sorted(EVERY), ids=["started", "healthy", "completed"])
@pytest.mark.parametrize(
    ("other", "states", "holding"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_dependency_is_met_when_it_is_up(
    other: Service | None,
    states: list[tuple[TaskState.ValueType, TaskState.ValueType]],
    holding: set[DependencyCondition.ValueType],
    condition: DependencyCondition.ValueType,
) -> None:
    spec = service_spec("web")
    spec.depends_on.add(service="db", condition=condition)
    tasks = [
        task(f"t{i}", of=other, state=state, desired=desired)
        for i, (state, desired) in enumerate(states)
    ]
    missing = unmet(
        service("s1", spec), lambda name: other if name == "db" else None, lambda _: tasks
    )
    assert missing == (() if condition in holding else ("db",))
