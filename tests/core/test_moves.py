"""Tasks leave nodes: at once where they must, within their service's budget where they may."""

from __future__ import annotations

from typing import Any

import pytest

from swarmpy.core.actions import CreateTask, Decision, SetDesiredState, Tell
from swarmpy.core.replicated import reconcile
from swarmpy.pb.objects_pb2 import Eviction, Node, Service, Task
from swarmpy.pb.types_pb2 import (
    AVAILABILITY_DRAIN,
    NODE_STATE_DOWN,
    TASK_STATE_PENDING,
    TASK_STATE_RUNNING,
    TASK_STATE_SHUTDOWN,
    TASK_STATE_STARTING,
    Budget,
    DisruptionBudget,
    UpdateConfig,
)
from swarmpy.testing.builders import node, service, service_spec, task
from tests.core.pick import pick

NOW_MS = 1_000_000


def web(replicas: int = 4, **spec: Any) -> Service:
    owner = service(spec=service_spec("web", replicas=replicas))
    for name, value in spec.items():
        getattr(owner.spec, name).CopyFrom(value)
    return owner


def running(slot: int, on: str = "n1", **fields: Any) -> Task:
    return task(f"t{slot}", slot=slot, on=on, **{"state": TASK_STATE_RUNNING, **fields})


def drained(node_id: str = "n1") -> Node:
    row = node(node_id)
    row.spec.availability = AVAILABILITY_DRAIN
    return row


def in_maintenance() -> Node:
    row = node("n1")
    row.in_maintenance = True
    return row


def decided(owner: Service, tasks: list[Task], *nodes: Node) -> Decision:
    return reconcile(owner, tasks, {row.id: row for row in nodes}, NOW_MS)


def moved(decision: Decision) -> list[int]:
    stopped = {a.task_id for a in pick(decision, SetDesiredState)}
    made = [a.task.slot for a in pick(decision, CreateTask)]
    assert stopped == {f"t{slot}" for slot in made}
    return made


FOUR = [running(slot) for slot in (1, 2, 3, 4)]


@pytest.mark.parametrize(
    ("spec", "count"),
    [
        ({}, 1),
        ({"update": UpdateConfig(parallelism=2)}, 2),
        ({"update": UpdateConfig(parallelism=0)}, 4),
        ({"update": UpdateConfig(max_unavailable=Budget(count=3))}, 3),
        ({"update": UpdateConfig(max_unavailable=Budget(), max_surge=Budget(count=1))}, 1),
        ({"disruption": DisruptionBudget(max_unavailable=Budget(ratio=0.5))}, 2),
        ({"disruption": DisruptionBudget(min_available=Budget(count=1))}, 3),
        ({"disruption": DisruptionBudget(min_available=Budget(ratio=0.7))}, 1),
        ({"disruption": DisruptionBudget(min_available=Budget(ratio=1.0))}, 0),
        ({"disruption": DisruptionBudget(max_unavailable=Budget(count=0))}, 0),
    ],
    ids=[
        "one at a time unless told",
        "as many as an update",
        "all at once",
        "the update's budget",
        "an update that only surges",
        "a share that may be away",
        "a number that must stay",
        "a share that must stay, rounded up",
        "all must stay",
        "none may be away",
    ],
)
@pytest.mark.parametrize("away", [drained(), in_maintenance()], ids=["drained", "maintained"])
def test_a_drained_node_gives_away_as_many_tasks_as_the_service_allows(
    away: Node, spec: dict[str, Any], count: int
) -> None:
    assert len(moved(decided(web(**spec), FOUR, away))) == count


def test_what_is_away_already_uses_the_budget_up() -> None:
    tasks = [running(1), running(2), running(3, "n2", state=TASK_STATE_STARTING), running(4, "n2")]
    owner = web(disruption=DisruptionBudget(max_unavailable=Budget(count=2)))
    assert moved(decided(owner, tasks, drained(), node("n2"))) == [1]


def test_a_task_that_serves_nobody_moves_for_nothing() -> None:
    tasks = [running(1), running(2, state=TASK_STATE_STARTING)]
    owner = web(2, disruption=DisruptionBudget(max_unavailable=Budget(count=0)))
    assert moved(decided(owner, tasks, drained())) == [2]


def test_a_node_that_is_lost_is_no_matter_of_budgets() -> None:
    lost = node("n1")
    lost.status.state = NODE_STATE_DOWN
    owner = web(disruption=DisruptionBudget(max_unavailable=Budget(count=0)))
    assert moved(decided(owner, FOUR, lost)) == [1, 2, 3, 4]


def test_a_drain_is_told_of_once() -> None:
    first = decided(web(), FOUR, drained())
    stopped = running(1, state=TASK_STATE_SHUTDOWN, desired=TASK_STATE_SHUTDOWN)
    back = task("t1b", slot=1, on="n2", state=TASK_STATE_RUNNING)
    then = decided(web(), [stopped, back, *FOUR[1:]], drained(), node("n2"))
    assert [len(pick(one, Tell)) for one in (first, then)] == [1, 0]
    assert moved(then) == [2]


@pytest.mark.parametrize(
    ("at_once", "slots"), [(True, [1, 2]), (False, [1])], ids=["at once", "within the budget"]
)
def test_an_evicted_task_leaves_a_node_that_is_well(at_once: bool, slots: list[int]) -> None:
    eviction = Eviction(reason="makes room for db", at_once=at_once)
    tasks = [running(slot) for slot in (1, 2, 3, 4)]
    for one in tasks[:2]:
        one.eviction.CopyFrom(eviction)
    decision = decided(web(), tasks, node("n1"))
    assert moved(decision) == slots
    assert pick(decision, Tell)[0].event.message == (
        "web.1 is started elsewhere than on n1: it makes room for db"
    )
    assert not any(a.task.HasField("eviction") for a in pick(decision, CreateTask))


def test_a_waiting_task_is_not_moved() -> None:
    waiting = task("t1", slot=1, state=TASK_STATE_PENDING)
    assert not decided(web(1), [waiting], drained()).actions
