"""Ended tasks are replaced as their policy says, counted from rows alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.core.actions import CreateTask, Decision, SetDesiredState, Tell
from swarmpy.core.restart import delay_ms, history_needed, restart
from swarmpy.pb.objects_pb2 import Service, Task
from swarmpy.pb.types_pb2 import (
    RESTART_CONDITION_ANY,
    RESTART_CONDITION_NONE,
    RESTART_CONDITION_ON_FAILURE,
    TASK_STATE_COMPLETE,
    TASK_STATE_FAILED,
    TASK_STATE_ORPHANED,
    TASK_STATE_REJECTED,
    TASK_STATE_RUNNING,
    TASK_STATE_SHUTDOWN,
    RestartCondition,
    RestartPolicy,
    TaskState,
)
from swarmpy.testing.builders import service, service_spec, task, task_spec
from tests.core.pick import pick

NOW_MS = 1_000_000


def web(policy: RestartPolicy | None = None, *, job: bool = False) -> Service:
    spec = service_spec("web", task=task_spec())
    spec.task.restart.CopyFrom(policy or RestartPolicy())
    if job:
        spec.replicated_job.completions = 1
    return service(spec=spec)


def ended(
    owner: Service,
    number: int,
    *,
    state: TaskState.ValueType = TASK_STATE_FAILED,
    at_ms: int,
    ran_ms: int = 10,
) -> Task:
    """Return the `number`th task of slot 1; all but the newest were replaced already."""
    row = task(f"t{number}", of=owner, state=state, desired=TASK_STATE_SHUTDOWN)
    row.created_at_ms = at_ms - ran_ms
    row.status.started_at_ms = at_ms - ran_ms
    row.status.since_ms = row.updated_at_ms = at_ms
    return row


def history(owner: Service, ends_ms: list[int], *, ran_ms: list[int] | None = None) -> list[Task]:
    """Return failed tasks, oldest first; the last has just ended and waits for a decision."""
    times = ran_ms or [10] * len(ends_ms)
    rows = [
        ended(owner, i, at_ms=at_ms, ran_ms=ran)
        for i, (at_ms, ran) in enumerate(zip(ends_ms, times, strict=True))
    ]
    rows[-1].desired_state = TASK_STATE_RUNNING
    return rows


def delay_of(decision: Decision) -> int | None:
    """Return after how many ms the replacement starts; None when there is none."""
    made = [a.task for a in pick(decision, CreateTask)]
    return made[0].start_after_ms - NOW_MS if made else None


ENDS = [
    # state, condition, job: restarted, told as
    (TASK_STATE_FAILED, RESTART_CONDITION_ANY, False, True, "TaskFailed"),
    (TASK_STATE_REJECTED, RESTART_CONDITION_ANY, False, True, "TaskFailed"),
    (TASK_STATE_COMPLETE, RESTART_CONDITION_ANY, False, True, "TaskEnded"),
    (TASK_STATE_FAILED, RESTART_CONDITION_ON_FAILURE, False, True, "TaskFailed"),
    (TASK_STATE_COMPLETE, RESTART_CONDITION_ON_FAILURE, False, False, None),
    (TASK_STATE_FAILED, RESTART_CONDITION_NONE, False, False, "RestartGivenUp"),
    (TASK_STATE_COMPLETE, RESTART_CONDITION_NONE, False, False, None),
    (TASK_STATE_FAILED, RESTART_CONDITION_ANY, True, True, "TaskFailed"),
    (TASK_STATE_COMPLETE, RESTART_CONDITION_ANY, True, False, None),
    (TASK_STATE_FAILED, RESTART_CONDITION_NONE, True, False, "RestartGivenUp"),
    (TASK_STATE_ORPHANED, RESTART_CONDITION_ANY, False, True, "TaskEnded"),
]


@pytest.mark.parametrize(("state", "condition", "job", "restarted", "told"), ENDS)
def test_the_condition_decides_whether_an_ended_task_is_replaced(
    state: TaskState.ValueType,
    condition: RestartCondition.ValueType,
    job: bool,
    restarted: bool,
    told: str | None,
) -> None:
    owner = web(RestartPolicy(condition=condition), job=job)
    row = ended(owner, 1, state=state, at_ms=NOW_MS - 1000)
    row.desired_state = TASK_STATE_RUNNING
    decision = restart(owner, [row], NOW_MS)
    assert (delay_of(decision) is not None) is restarted
    desired = [a.state for a in pick(decision, SetDesiredState)]
    assert desired == [TASK_STATE_SHUTDOWN if restarted else TASK_STATE_COMPLETE]
    reasons = [a.event.reason for a in pick(decision, Tell)]
    assert reasons == ([told] if told else [])


def test_a_task_that_could_not_be_prepared_is_replaced_after_its_delay_and_not_before() -> None:
    owner = web(RestartPolicy(delay_s=2))
    row = ended(owner, 1, state=TASK_STATE_REJECTED, at_ms=NOW_MS)
    row.desired_state = TASK_STATE_RUNNING
    assert restart(owner, [row], NOW_MS + 1999) == Decision(look_again_ms=NOW_MS + 2000)
    [made] = pick(restart(owner, [row], NOW_MS + 2000), CreateTask)
    assert made.task.start_after_ms == NOW_MS + 2000


def test_a_task_that_may_not_be_restarted_is_given_up_at_once() -> None:
    owner = web(RestartPolicy(condition=RESTART_CONDITION_NONE))
    row = ended(owner, 1, state=TASK_STATE_REJECTED, at_ms=NOW_MS)
    row.desired_state = TASK_STATE_RUNNING
    [told] = pick(restart(owner, [row], NOW_MS), Tell)
    assert told.event.reason == "RestartGivenUp"


def test_what_runs_or_was_dealt_with_is_left_alone() -> None:
    owner = web()
    rows = [
        task("a", of=owner, slot=1, state=TASK_STATE_RUNNING),
        task("b", of=owner, slot=2, state=TASK_STATE_FAILED, desired=TASK_STATE_SHUTDOWN),
        task("c", of=owner, slot=3, state=TASK_STATE_FAILED, desired=TASK_STATE_COMPLETE),
    ]
    assert not restart(owner, rows, NOW_MS).actions


def test_a_removed_service_restarts_nothing() -> None:
    owner = web()
    owner.removing = True
    assert not restart(owner, history(owner, [NOW_MS]), NOW_MS).actions


def test_the_delay_doubles_with_each_failure_in_a_row_up_to_five_minutes() -> None:
    delays = [delay_ms(RestartPolicy(), failures) for failures in range(1, 14)]
    assert delays[:4] == [250, 500, 1000, 2000]
    assert delays[10:] == [256_000, 300_000, 300_000]


@pytest.mark.parametrize(
    ("policy", "third_ms"),
    [
        (RestartPolicy(delay_s=5), 20_000),
        (RestartPolicy(delay_s=5, max_delay_s=7), 7000),
        (RestartPolicy(delay_s=600), 600_000),
    ],
    ids=["own delay", "own limit", "a delay beyond the limit"],
)
def test_delays_are_the_policys(policy: RestartPolicy, third_ms: int) -> None:
    assert delay_ms(policy, 3) == third_ms


@given(failures=st.integers(1, 10_000), delay_s=st.floats(0, 600), limit_s=st.floats(0, 3600))
def test_a_delay_is_never_above_its_limit_and_never_shrinks(
    failures: int, delay_s: float, limit_s: float
) -> None:
    policy = RestartPolicy(delay_s=delay_s, max_delay_s=limit_s)
    assert delay_ms(policy, failures) <= delay_ms(policy, failures + 1)
    assert delay_ms(policy, failures) <= max(limit_s or 300, delay_s, 0.25) * 1000


def test_a_row_of_failures_is_read_from_the_slots_history() -> None:
    owner = web()
    rows = history(owner, [NOW_MS - 9000, NOW_MS - 5000, NOW_MS])
    assert delay_of(restart(owner, rows, NOW_MS)) == 1000


def test_a_task_that_stayed_up_for_a_minute_ends_the_row() -> None:
    owner = web()
    rows = history(owner, [NOW_MS - 80_000, NOW_MS - 70_000, NOW_MS], ran_ms=[10, 10, 60_000])
    assert delay_of(restart(owner, rows, NOW_MS)) == 250


def test_neither_other_slots_nor_other_versions_nor_stopped_tasks_count() -> None:
    owner = web()
    *before, newest = history(owner, [NOW_MS - 3000, NOW_MS - 2000, NOW_MS - 1000, NOW_MS])
    before[0].slot = 2
    before[1].spec_version = 0
    before[2].status.state = TASK_STATE_SHUTDOWN
    assert delay_of(restart(owner, [*before, newest], NOW_MS)) == 250


@pytest.mark.parametrize(
    ("ends_s_ago", "window_s", "restarted"),
    [
        ([2, 1, 0], 0, True),
        ([3, 2, 1, 0], 0, False),
        ([300, 200, 100, 0], 0, False),
        ([300, 200, 100, 0], 150, True),
        ([30, 20, 10, 0], 150, False),
    ],
    ids=["two used", "all used", "all used, long ago", "window forgets", "window does not forget"],
)
def test_attempts_end_after_max_attempts_within_the_window(
    ends_s_ago: list[int], window_s: float, restarted: bool
) -> None:
    owner = web(RestartPolicy(max_attempts=3, window_s=window_s))
    rows = history(owner, [NOW_MS - ago * 1000 for ago in ends_s_ago])
    decision = restart(owner, rows, NOW_MS)
    assert (delay_of(decision) is not None) is restarted
    if not restarted:
        message = pick(decision, Tell)[0].event.message
        assert "not restarted: it was restarted 3 times" in message


def test_people_are_told_why_and_when() -> None:
    owner = web()
    rows = history(owner, [NOW_MS - 1000, NOW_MS])
    rows[-1].status.exited, rows[-1].status.exit_code = True, 3
    event = pick(restart(owner, rows, NOW_MS), Tell)[0].event
    assert event.object_name == "web.1"
    why = "it ended with exit code 3 (2 times in a row)"
    assert event.message == f"{why}; it is restarted in 0.5 s"


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        (RestartPolicy(), 12),
        (RestartPolicy(delay_s=300), 1),
        (RestartPolicy(delay_s=300, max_attempts=20), 21),
        (RestartPolicy(delay_s=5, max_delay_s=5), 1),
    ],
    ids=["default", "no doubling", "many attempts", "flat"],
)
def test_as_much_history_is_kept_as_the_counts_need(policy: RestartPolicy, kept: int) -> None:
    assert history_needed(policy) == kept
    assert delay_ms(policy, kept) == delay_ms(policy, kept + 1)
