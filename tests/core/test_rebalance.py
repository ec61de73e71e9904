from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.core.rebalance import Move, first, plan
from swarmpy.core.schedule.around import Around
from swarmpy.pb.objects_pb2 import ROLLOUT_STATE_UPDATING, Eviction, Node, Service, Task
from swarmpy.pb.specs_pb2 import Placement
from swarmpy.pb.types_pb2 import (
    AVAILABILITY_PAUSE,
    PLACEMENT_STRATEGY_BINPACK,
    TASK_STATE_RUNNING,
    TaskAffinity,
)
from tests.core.placement_rows import node, service, task

NODES = [node("a"), node("b"), node("c")]


def running(
    task_id: str, on: str, *, service: str = "web", placement: Placement | None = None
) -> Task:
    return task(task_id, on=on, service=service, state=TASK_STATE_RUNNING, placement=placement)


def around(*rows: Service, names: Sequence[str] = ("web", "db")) -> Around:
    services = {name: service(name) for name in names}
    return Around(services=services | {row.id: row for row in rows})


def planned(nodes: Sequence[Node], tasks: Sequence[Task], near: Around | None = None) -> list[Move]:
    return list(plan(nodes, tasks, near or around(), 0))


def as_moved(tasks: Sequence[Task], moves: Sequence[Move]) -> list[Task]:
    to = {move.task.id: move.to_node_id for move in moves}
    rows = []
    for one in tasks:
        copy = Task()
        copy.CopyFrom(one)
        copy.node_id = to.get(one.id, one.node_id)
        rows.append(copy)
    return rows


def counts(tasks: Sequence[Task], service: str = "web") -> list[int]:
    on = Counter(one.node_id for one in tasks if one.service_id == service)
    return sorted(on[row.id] for row in NODES)


def test_a_new_node_gets_its_share() -> None:
    tasks = [running(f"t{i}", "ab"[i % 2]) for i in range(6)]
    moves = planned(NODES, tasks)
    assert {move.to_node_id for move in moves} == {"c"}
    assert counts(as_moved(tasks, moves)) == [2, 2, 2]


def test_services_of_one_task_are_spread_by_all_the_tasks_of_a_node() -> None:
    names = [f"s{i}" for i in range(6)]
    tasks = [running(name, "a", service=name) for name in names]
    moved = as_moved(tasks, planned(NODES, tasks, around(names=names)))
    assert sorted(Counter(one.node_id for one in moved).values()) == [2, 2, 2]


def test_the_values_that_a_service_is_spread_over_come_first() -> None:
    zones = [node("a", labels={"zone": "x"}), node("b", labels={"zone": "x"})]
    zones.append(node("c", labels={"zone": "y"}))
    spread = Placement(spread=["node.labels.zone"])
    tasks = [running(f"t{i}", on, placement=spread) for i, on in enumerate("aabb")]
    moved = as_moved(tasks, planned(zones, tasks))
    assert Counter(one.node_id for one in moved) == {"a": 1, "b": 1, "c": 2}


@pytest.mark.parametrize(
    "tasks",
    [
        [running("t1", "a"), running("t2", "b")],
        [running("t1", "a"), running("t2", "a", service="db")],
        [],
    ],
    ids=["even as they are", "one more is no matter", "nothing there"],
)
def test_what_is_even_stays(tasks: list[Task]) -> None:
    assert not planned(NODES[:2] if len(tasks) < 2 or tasks[1].node_id == "b" else NODES[:1], tasks)


def test_a_task_stays_where_it_must_be() -> None:
    tied = Placement(constraints=["node.hostname == host-a"])
    near = Placement(affinity=[TaskAffinity(service="db", topology_key="node.hostname")])
    packed = Placement(strategy=PLACEMENT_STRATEGY_BINPACK)
    packs, updates = service("web"), service("web")
    packs.spec.task.placement.CopyFrom(packed)
    updates.rollout.state = ROLLOUT_STATE_UPDATING
    crowd = {
        one: [running(f"t{i}", "a", placement=placement) for i in range(4)]
        for one, placement in (("tied", tied), ("near", near), ("any", None))
    }
    assert not planned(NODES, crowd["tied"])
    with_data = [running(f"t{i}", "a") for i in range(4)]
    for one in with_data:
        one.spec.containers[0].mounts.add(source="data", target="/data")
    assert not planned(NODES, with_data)
    assert not planned(NODES, crowd["near"])
    assert not planned(NODES, crowd["any"], around(packs))
    assert not planned(NODES, crowd["any"], around(updates))
    assert planned(NODES, crowd["any"])


def test_a_paused_node_keeps_its_tasks() -> None:
    paused = node("a", availability=AVAILABILITY_PAUSE)
    assert not planned([paused, node("b")], [running(f"t{i}", "a") for i in range(4)])


def test_nothing_is_planned_while_something_moves() -> None:
    tasks = [running(f"t{i}", "a") for i in range(4)]
    tasks[0].eviction.CopyFrom(Eviction(reason="is spread better elsewhere"))
    assert not planned(NODES, tasks)


def test_a_plan_is_made_no_further_than_asked() -> None:
    tasks = [running(f"t{i}", "a") for i in range(30)]
    assert len(first(plan(NODES, tasks, around(), 0), 3)) == 3


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["web", "db"])), min_size=1, max_size=20
    )
)
def test_a_plan_evens_every_service_out_and_leaves_nothing_for_the_next(
    there: list[tuple[str, str]],
) -> None:
    tasks = [running(f"t{i}", on, service=name) for i, (on, name) in enumerate(there)]
    moved = as_moved(tasks, planned(NODES, tasks))
    for name in ("web", "db"):
        after = counts(moved, name)
        assert max(after) - min(after) <= 1
    for _ in range(5):
        moved = as_moved(moved, planned(NODES, moved))
    assert not planned(NODES, moved)
