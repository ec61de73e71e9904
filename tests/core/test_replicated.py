"""A replicated service has as many filled slots as it asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.core.actions import ACTIONS_AT_ONCE, CreateTask, Decision, SetDesiredState, Tell
from swarmpy.core.replicated import reconcile
from swarmpy.pb.objects_pb2 import Service, Task
from swarmpy.pb.types_pb2 import (
    AVAILABILITY_DRAIN,
    NODE_STATE_DOWN,
    NODE_STATE_UNKNOWN,
    TASK_STATE_COMPLETE,
    TASK_STATE_FAILED,
    TASK_STATE_NEW,
    TASK_STATE_PENDING,
    TASK_STATE_REMOVE,
    TASK_STATE_RUNNING,
    TASK_STATE_SHUTDOWN,
    TaskState,
)
from swarmpy.testing.builders import node, service, service_spec, task
from tests.core.pick import pick

NODES = {node_id: node(node_id) for node_id in ("n1", "n2", "n3")}

NOW_MS = 1_000_000


def web(replicas: int) -> Service:
    return service(spec=service_spec("web", replicas=replicas))


def running(slot: int, on: str = "n1", name: str = "") -> Task:
    return task(name or f"t{slot}", slot=slot, on=on, state=TASK_STATE_RUNNING)


def created(decision: Decision) -> list[int]:
    return [a.task.slot for a in pick(decision, CreateTask)]


def removed(decision: Decision) -> set[str]:
    return {a.task_id for a in pick(decision, SetDesiredState) if a.state == TASK_STATE_REMOVE}


@pytest.mark.parametrize(
    ("replicas", "present", "made"),
    [
        (3, [], [1, 2, 3]),
        (3, [running(2)], [1, 3]),
        (2, [running(1), running(4)], []),
        (0, [], []),
    ],
    ids=["from nothing", "a hole", "a hole nobody minds", "nothing wanted"],
)
def test_missing_slots_are_filled_from_the_lowest_number(
    replicas: int, present: list[Task], made: list[int]
) -> None:
    assert created(reconcile(web(replicas), present, NODES, NOW_MS)) == made


@pytest.mark.parametrize(
    ("observed", "desired", "is_filled"),
    [
        (TASK_STATE_PENDING, TASK_STATE_RUNNING, True),
        (TASK_STATE_FAILED, TASK_STATE_RUNNING, True),
        (TASK_STATE_FAILED, TASK_STATE_COMPLETE, True),
        (TASK_STATE_FAILED, TASK_STATE_SHUTDOWN, False),
        (TASK_STATE_RUNNING, TASK_STATE_REMOVE, False),
    ],
    ids=["waits", "to be restarted", "given up", "history", "leaving"],
)
def test_a_slot_is_filled_while_a_task_keeps_it(
    observed: TaskState.ValueType, desired: TaskState.ValueType, is_filled: bool
) -> None:
    row = task(state=observed, desired=desired)
    assert bool(created(reconcile(web(1), [row], {}, NOW_MS))) is not is_filled


def test_two_tasks_in_one_slot_fill_one_slot() -> None:
    decision = reconcile(web(2), [running(1, name="a"), running(1, name="b")], NODES, NOW_MS)
    assert created(decision) == [2]
    assert not removed(decision)


@pytest.mark.parametrize(
    ("present", "leaves"),
    [
        ([running(1), running(2), task("t3", slot=3)], {"t3"}),
        ([task("t1", slot=1), running(2), running(3)], {"t1"}),
        ([running(1, "n1"), running(2, "n1"), running(3, "n2")], {"t2"}),
        ([running(1, "n1"), running(2, "n2"), running(3, "n3")], {"t3"}),
    ],
    ids=["does not run", "low but does not run", "crowded node", "highest"],
)
def test_scaling_down_takes_what_is_missed_least(present: list[Task], leaves: set[str]) -> None:
    assert removed(reconcile(web(2), present, NODES, NOW_MS)) == leaves


def test_scaling_down_forgets_a_slots_history_too() -> None:
    history = task("old", slot=2, state=TASK_STATE_FAILED, desired=TASK_STATE_SHUTDOWN)
    decision = reconcile(web(1), [running(1), running(2), history], NODES, NOW_MS)
    assert removed(decision) == {"t2", "old"}


@pytest.mark.parametrize(
    ("change", "moves"),
    [
        ("down", True),
        ("drained", True),
        ("gone", True),
        ("unknown", False),
        ("ready", False),
    ],
)
def test_tasks_leave_nodes_they_cannot_stay_on(change: str, moves: bool) -> None:
    host = node("n1")
    if change == "down":
        host.status.state = NODE_STATE_DOWN
    if change == "unknown":
        host.status.state = NODE_STATE_UNKNOWN
    if change == "drained":
        host.spec.availability = AVAILABILITY_DRAIN
    nodes = {} if change == "gone" else {"n1": host}
    owner = web(2)
    owner.spec.update.parallelism = 0
    decision = reconcile(owner, [running(1), running(2)], nodes, NOW_MS)
    assert created(decision) == ([1, 2] if moves else [])
    stopped = pick(decision, SetDesiredState)
    assert {(a.task_id, a.state) for a in stopped} == (
        {("t1", TASK_STATE_SHUTDOWN), ("t2", TASK_STATE_SHUTDOWN)} if moves else set()
    )
    assert len(pick(decision, Tell)) == (1 if moves else 0)


def test_an_ended_task_on_a_dead_node_is_not_moved() -> None:
    ended = task(slot=1, on="n9", state=TASK_STATE_FAILED, desired=TASK_STATE_COMPLETE)
    assert not reconcile(web(1), [ended], {}, NOW_MS).actions


def test_a_removed_service_loses_every_task_and_gets_none() -> None:
    owner = web(3)
    owner.removing = True
    decision = reconcile(owner, [running(1), running(2)], NODES, NOW_MS)
    assert removed(decision) == {"t1", "t2"}
    assert not created(decision)


def test_nothing_starts_that_may_not() -> None:
    assert not reconcile(web(3), [], NODES, NOW_MS, may_start=False).actions


def test_a_large_service_is_filled_in_steps_that_fit_into_the_log() -> None:
    decision = reconcile(web(10_000), [], NODES, NOW_MS)
    assert len(decision.actions) == ACTIONS_AT_ONCE
    assert decision.look_again_ms == 0


@given(
    replicas=st.integers(0, 8),
    rows=st.lists(
        st.tuples(
            st.integers(1, 12),
            st.sampled_from(["n1", "n2", "n9"]),
            st.sampled_from([TASK_STATE_NEW, TASK_STATE_RUNNING, TASK_STATE_FAILED]),
            st.sampled_from([TASK_STATE_RUNNING, TASK_STATE_SHUTDOWN]),
        ),
        max_size=12,
    ),
)
def test_done_again_and_again_it_comes_to_rest_with_the_right_slots(
    replicas: int, rows: list[tuple[int, str, TaskState.ValueType, TaskState.ValueType]]
) -> None:
    tasks = {
        f"t{i}": task(f"t{i}", slot=slot, on=on, state=state, desired=desired)
        for i, (slot, on, state, desired) in enumerate(rows)
    }
    for turn in range(5):
        decision = reconcile(web(replicas), tasks.values(), NODES, NOW_MS)
        if not decision.actions:
            break
        for number, action in enumerate(decision.actions):
            if isinstance(action, CreateTask):
                made = Task(id=f"m{turn}.{number}")
                made.MergeFrom(action.task)
                tasks[made.id] = made
            elif isinstance(action, SetDesiredState):
                assert action.state > tasks[action.task_id].desired_state
                tasks[action.task_id].desired_state = action.state
    else:
        raise AssertionError("it goes on without end")
    held = {row.slot for row in tasks.values() if row.desired_state <= TASK_STATE_COMPLETE}
    assert len(held) == replicas
