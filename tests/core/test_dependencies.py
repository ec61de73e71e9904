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
from swarmpy.pb.types_pb2 import (
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


RUNNING, WANTED = TASK_STATE_RUNNING, TASK_STATE_RUNNING

CASES = [
    ("running", db(), [(RUNNING, WANTED)], True),
    ("starting", db(), [(TASK_STATE_STARTING, WANTED)], False),
    ("stopping", db(), [(RUNNING, TASK_STATE_SHUTDOWN)], False),
    ("one of two", db(), [(TASK_STATE_FAILED, WANTED), (RUNNING, WANTED)], True),
    ("no task", db(), [], False),
    ("none asked for", db(replicas=0), [], True),
    ("leaving", db(removing=True), [(RUNNING, WANTED)], False),
    ("unknown", None, [], False),
    ("job runs", job(JOB_STATE_RUNNING), [(RUNNING, WANTED)], False),
    ("job completed", job(JOB_STATE_COMPLETE), [], True),
    ("job of an older version", job(JOB_STATE_COMPLETE, of_version=0), [], False),
    ("job failed", job(JOB_STATE_FAILED), [], False),
]


@pytest.mark.parametrize(
    ("other", "states", "met"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_dependency_is_met_when_it_is_up(
    other: Service | None, states: list[tuple[TaskState.ValueType, TaskState.ValueType]], met: bool
) -> None:
    spec = service_spec("web")
    spec.depends_on.append("db")
    tasks = [
        task(f"t{i}", of=other, state=state, desired=desired)
        for i, (state, desired) in enumerate(states)
    ]
    missing = unmet(
        service("s1", spec), lambda name: other if name == "db" else None, lambda _: tasks
    )
    assert missing == (() if met else ("db",))
