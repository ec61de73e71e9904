"""What a task's two states say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.core import task_life
from swarmpy.pb.types_pb2 import (
    TASK_STATE_ASSIGNED,
    TASK_STATE_COMPLETE,
    TASK_STATE_FAILED,
    TASK_STATE_NEW,
    TASK_STATE_ORPHANED,
    TASK_STATE_PENDING,
    TASK_STATE_READY,
    TASK_STATE_REJECTED,
    TASK_STATE_REMOVE,
    TASK_STATE_RUNNING,
    TASK_STATE_SHUTDOWN,
    TaskState,
)
from swarmpy.testing.builders import task

STATES = st.sampled_from(list(TaskState.values()))


@given(now=STATES, following=STATES)
def test_an_observed_state_never_goes_back_and_an_end_is_the_end(
    now: TaskState.ValueType, following: TaskState.ValueType
) -> None:
    if task_life.may_become(now, following):
        assert following >= now
        assert following != TASK_STATE_REMOVE
        assert now <= TASK_STATE_RUNNING or following == now


@given(states=st.lists(STATES, max_size=20))
def test_every_life_ends_once(states: list[TaskState.ValueType]) -> None:
    life = TASK_STATE_NEW
    ends = set()
    for state in states:
        if task_life.may_become(life, state):
            life = state
        if life > TASK_STATE_RUNNING:
            ends.add(life)
    assert len(ends) <= 1


PREDICATES = [
    # observed, desired: ended, keeps slot, wants to run, counts, being stopped
    (TASK_STATE_NEW, TASK_STATE_RUNNING, False, True, True, False, False),
    (TASK_STATE_RUNNING, TASK_STATE_RUNNING, False, True, True, True, False),
    (TASK_STATE_RUNNING, TASK_STATE_SHUTDOWN, False, False, False, False, True),
    (TASK_STATE_RUNNING, TASK_STATE_REMOVE, False, False, False, False, True),
    (TASK_STATE_FAILED, TASK_STATE_RUNNING, True, True, True, False, False),
    (TASK_STATE_FAILED, TASK_STATE_COMPLETE, True, True, False, False, False),
    (TASK_STATE_SHUTDOWN, TASK_STATE_SHUTDOWN, True, False, False, False, False),
]


@pytest.mark.parametrize(
    ("observed", "desired", "ended", "keeps", "wants", "counts", "stops"), PREDICATES
)
def test_what_a_task_is_by_its_states(
    observed: TaskState.ValueType,
    desired: TaskState.ValueType,
    ended: bool,
    keeps: bool,
    wants: bool,
    counts: bool,
    stops: bool,
) -> None:
    row = task(state=observed, desired=desired)
    assert task_life.is_ended(row) is ended
    assert task_life.is_live(row) is not ended
    assert task_life.keeps_slot(row) is keeps
    assert task_life.wants_to_run(row) is wants
    assert task_life.counts_for_service(row) is counts
    assert task_life.is_being_stopped(row) is stops


@pytest.mark.parametrize(
    ("state", "failed", "completed"),
    [
        (TASK_STATE_FAILED, True, False),
        (TASK_STATE_REJECTED, True, False),
        (TASK_STATE_COMPLETE, False, True),
        (TASK_STATE_SHUTDOWN, False, False),
        (TASK_STATE_ORPHANED, False, False),
    ],
)
def test_only_what_ended_by_itself_failed_or_completed(
    state: TaskState.ValueType, failed: bool, completed: bool
) -> None:
    row = task(state=state)
    assert task_life.has_failed(row) is failed
    assert task_life.has_completed(row) is completed


@pytest.mark.parametrize(
    ("state", "has_node"),
    [(TASK_STATE_PENDING, False), (TASK_STATE_ASSIGNED, True), (TASK_STATE_READY, True)],
)
def test_a_task_has_a_node_from_assigned_on(state: TaskState.ValueType, has_node: bool) -> None:
    assert task_life.has_node(task(state=state)) is has_node


@pytest.mark.parametrize(
    ("said_ms", "believed_ms"),
    [(1500, 1500), (10, 1000), (99_999, 2000)],
    ids=["right clock", "slow clock", "fast clock"],
)
def test_an_agents_wrong_clock_does_not_count(said_ms: int, believed_ms: int) -> None:
    row = task(state=TASK_STATE_RUNNING)
    row.created_at_ms, row.updated_at_ms, row.status.since_ms = 1000, 2000, said_ms
    assert task_life.since_ms(row) == believed_ms


def test_a_task_that_never_ran_ran_for_no_time() -> None:
    row = task(state=TASK_STATE_REJECTED)
    row.status.since_ms = 5000
    assert task_life.ran_ms(row) == 0
    row.status.started_at_ms = 2000
    assert task_life.ran_ms(row) == 3000
