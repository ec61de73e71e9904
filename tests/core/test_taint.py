"""Taints keep tasks off, tolerations let them come, and no-execute makes them leave in time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.core.actions import CreateTask, SetDesiredState, Tell
from swarmpy.core.enforce import must_leave, takes_tasks
from swarmpy.core.replicated import reconcile
from swarmpy.core.schedule.taint import leave_at_ms, refusing, shown, tolerances, unwelcome
from swarmpy.pb.objects_pb2 import Node
from swarmpy.pb.specs_pb2 import Placement
from swarmpy.pb.types_pb2 import (
    TAINT_EFFECT_NO_EXECUTE,
    TAINT_EFFECT_NO_SCHEDULE,
    TAINT_EFFECT_PREFER_NO_SCHEDULE,
    TASK_STATE_RUNNING,
    TOLERATION_OPERATOR_EXISTS,
    Taint,
    TaintEffect,
    Toleration,
)
from swarmpy.testing import builders
from tests.core.pick import pick
from tests.core.placement_rows import node
from tests.core.toy_world import ToyWorld

NO_SCHEDULE = TAINT_EFFECT_NO_SCHEDULE
NO_EXECUTE = TAINT_EFFECT_NO_EXECUTE
PREFER = TAINT_EFFECT_PREFER_NO_SCHEDULE
EXISTS = TOLERATION_OPERATOR_EXISTS
SINCE_MS = 1_000_000


def tainted(effect: TaintEffect.ValueType, node_id: str = "a") -> Node:
    row = node(node_id)
    row.spec.taints.add(key="use", value="db", effect=effect, since_ms=SINCE_MS)
    return row


@pytest.mark.parametrize(
    ("toleration", "covers"),
    [
        (Toleration(key="use", value="db"), True),
        (Toleration(key="use", value="web"), False),
        (Toleration(key="use"), False),
        (Toleration(key="use", operator=EXISTS), True),
        (Toleration(operator=EXISTS), True),
        (Toleration(key="other", operator=EXISTS), False),
        (Toleration(key="use", value="db", effect=NO_EXECUTE), True),
        (Toleration(key="use", value="db", effect=NO_SCHEDULE), False),
        (Toleration(key="use", value="db", stay_s=60), False),
    ],
)
def test_a_toleration_lets_tasks_come_where_it_covers_the_taint(
    toleration: Toleration, covers: bool
) -> None:
    row = tainted(NO_EXECUTE)
    tolerated = tolerances(Placement(tolerations=[toleration]))
    assert (refusing(tolerated, row) == []) is covers
    spec = builders.task_spec()
    spec.placement.tolerations.append(toleration)
    assert takes_tasks(spec, row) is covers


@pytest.mark.parametrize(
    ("effect", "refuses", "is_unwelcome", "sends_away"),
    [
        (NO_SCHEDULE, True, False, False),
        (PREFER, False, True, False),
        (NO_EXECUTE, True, False, True),
    ],
    ids=["no-schedule", "prefer-no-schedule", "no-execute"],
)
def test_each_effect_does_what_its_name_says(
    effect: TaintEffect.ValueType, refuses: bool, is_unwelcome: bool, sends_away: bool
) -> None:
    row = tainted(effect)
    assert [shown(taint) for taint in refusing((), row)] == (
        [shown(row.spec.taints[0])] if refuses else []
    )
    assert unwelcome((), row) == is_unwelcome
    said = must_leave(builders.task_spec(), row, SINCE_MS)
    assert said == ("has the taint use=db:no-execute" if sends_away else "")
    any_of_it = tolerances(Placement(tolerations=[Toleration(operator=EXISTS)]))
    assert (refusing(any_of_it, row), unwelcome(any_of_it, row)) == ([], 0)
    assert leave_at_ms(any_of_it, row) is None


@pytest.mark.parametrize(
    ("stays_s", "leaves_after_s"),
    [([], 0), ([60.0], 60), ([60.0, 10.0], 60), ([60.0, None], None), ([0.0], 0)],
    ids=["not-tolerated", "for-a-minute", "the-longest-counts", "for-ever", "not-at-all"],
)
def test_a_task_stays_as_long_as_it_tolerates_the_taint(
    stays_s: list[float | None], leaves_after_s: int | None
) -> None:
    tolerations = [Toleration(key="use", value="db", stay_s=stay_s) for stay_s in stays_s]
    leaves = leave_at_ms(tolerances(Placement(tolerations=tolerations)), tainted(NO_EXECUTE))
    assert (leaves and leaves[0]) == (
        None if leaves_after_s is None else SINCE_MS + leaves_after_s * 1000
    )


def test_a_decision_says_when_the_next_task_must_leave() -> None:
    spec = builders.task_spec()
    spec.placement.tolerations.add(key="use", operator=EXISTS, stay_s=60)
    web = builders.service(spec=builders.service_spec("web", replicas=1, task=spec))
    row = builders.task("t1", slot=1, on="a", state=TASK_STATE_RUNNING)
    row.spec.CopyFrom(spec)
    nodes = {"a": tainted(NO_EXECUTE)}
    before = reconcile(web, [row], nodes, SINCE_MS + 59_999)
    assert (before.actions, before.look_again_ms) == ((), SINCE_MS + 60_000)
    after = reconcile(web, [row], nodes, SINCE_MS + 60_000)
    assert len(pick(after, SetDesiredState)) == len(pick(after, CreateTask)) == 1
    [told] = pick(after, Tell)
    assert "which has the taint use=db:no-execute, are started elsewhere" in told.event.message
    assert after.look_again_ms is None


@pytest.mark.parametrize("is_global", [False, True], ids=["replicated", "global"])
def test_tasks_leave_a_node_that_is_tainted_and_come_back_when_it_is_not(is_global: bool) -> None:
    world = ToyWorld(node_count=2)
    task = builders.task_spec()
    task.placement.tolerations.add(key="use", operator=EXISTS, stay_s=60)
    replicas = None if is_global else 4
    world.deploy(builders.service_spec("web", replicas=replicas, task=task))
    world.settle()
    before_ms = world.clock.now_ms
    with world.node("n1") as row:
        row.spec.taints.add(key="use", effect=NO_EXECUTE, since_ms=before_ms)
    world.settle(59_000)
    assert {one.node_id for one in world.running()} == {"n1", "n2"}
    world.settle(2_000)
    assert {one.node_id for one in world.running()} == {"n2"}
    assert len(world.running()) == (1 if is_global else 4)
    with world.node("n1") as row:
        del row.spec.taints[:]
    world.settle()
    assert len(world.running()) == (2 if is_global else 4)


TAINTS = st.builds(
    Taint,
    key=st.sampled_from(["x", "y"]),
    value=st.sampled_from(["", "1"]),
    effect=st.sampled_from([NO_SCHEDULE, PREFER, NO_EXECUTE]),
    since_ms=st.just(SINCE_MS),
)
TOLERATIONS = st.builds(
    Toleration,
    key=st.sampled_from(["", "x", "y"]),
    value=st.sampled_from(["", "1"]),
    operator=st.sampled_from([0, EXISTS]),
    effect=st.sampled_from([0, NO_SCHEDULE, PREFER, NO_EXECUTE]),
    stay_s=st.sampled_from([None, 0.0, 30.0]),
)


@given(
    taints=st.lists(TAINTS, max_size=3),
    tolerations=st.lists(TOLERATIONS, max_size=3),
    more=TOLERATIONS,
)
def test_who_may_come_may_stay_and_more_tolerations_never_do_harm(
    taints: list[Taint], tolerations: list[Toleration], more: Toleration
) -> None:
    row = node("a")
    row.spec.taints.extend(taints)
    few = tolerances(Placement(tolerations=tolerations))
    many = tolerances(Placement(tolerations=[*tolerations, more]))
    if not refusing(few, row):
        assert leave_at_ms(few, row) is None
    assert len(refusing(many, row)) <= len(refusing(few, row))
    assert unwelcome(many, row) <= unwelcome(few, row)
    sooner, later = leave_at_ms(few, row), leave_at_ms(many, row)
    assert later is None or (sooner is not None and sooner[0] <= later[0])
