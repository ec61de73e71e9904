from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.core.actions import AssignTask, SetPendingReason
from swarmpy.core.schedule.around import NOTHING_AROUND, Around
from swarmpy.core.schedule.node_tally import FAILURES_COUNT_FOR_MS, tally
from swarmpy.core.schedule.place import Placement as Placed
from swarmpy.core.schedule.place import place
from swarmpy.pb.objects_pb2 import Node, Task
from swarmpy.pb.specs_pb2 import Placement
from swarmpy.pb.types_pb2 import (
    AVAILABILITY_ACTIVE,
    AVAILABILITY_DRAIN,
    NODE_STATE_DOWN,
    NODE_STATE_READY,
    TAINT_EFFECT_PREFER_NO_SCHEDULE,
    TASK_STATE_FAILED,
    TASK_STATE_NEW,
    TASK_STATE_RUNNING,
    TASK_STATE_SHUTDOWN,
)
from tests.core.placement_rows import GIB, node, task

RUNNING = TASK_STATE_RUNNING


def placed(
    waiting: Iterable[Task],
    nodes: Iterable[Node],
    others: Iterable[Task] = (),
    now_ms: int = 0,
    around: Around = NOTHING_AROUND,
) -> list[Placed]:
    rows = list(waiting)
    return list(place(rows, tally(nodes, [*others, *rows], now_ms), around))


def nodes_of(actions: Iterable[Placed]) -> list[str]:
    return [action.node_id for action in actions if isinstance(action, AssignTask)]


def test_tasks_of_a_service_are_spread_evenly() -> None:
    actions = placed((task(f"t{i}") for i in range(7)), [node("a"), node("b"), node("c")])
    assert Counter(nodes_of(actions)) == {"a": 3, "b": 2, "c": 2}


def test_a_service_avoids_its_own_tasks_before_it_avoids_others() -> None:
    others = [task("o", on="a", state=RUNNING)]
    others += [task(f"p{i}", on="b", state=RUNNING, service="other") for i in range(5)]
    assert nodes_of(placed([task("t")], [node("a"), node("b")], others)) == ["b"]


def test_of_nodes_without_the_service_the_emptiest_is_chosen() -> None:
    others = [task("o", on="a", state=RUNNING, service="other")]
    assert nodes_of(placed([task("t")], [node("a"), node("b")], others)) == ["b"]


def test_a_task_that_is_being_stopped_does_not_count_for_spreading() -> None:
    others = [task("o", on="a", state=RUNNING, desired=TASK_STATE_SHUTDOWN)]
    assert nodes_of(placed([task("t")], [node("a"), node("b")], others)) == ["a"]


@pytest.mark.parametrize(
    ("failures", "age_ms", "version", "expected"),
    [
        (4, 0, 1, "a"),
        (5, 0, 1, "b"),
        (5, FAILURES_COUNT_FOR_MS, 1, "a"),
        (5, 0, 2, "a"),
    ],
    ids=["four", "five", "long-ago", "another-version"],
)
def test_a_node_where_this_version_failed_five_times_comes_last(
    failures: int, age_ms: int, version: int, expected: str
) -> None:
    now_ms = 10_000_000
    others = [
        task(f"f{i}", on="a", state=TASK_STATE_FAILED, since_ms=now_ms - age_ms, spec_version=1)
        for i in range(failures)
    ]
    others.append(task("busy", on="b", state=RUNNING))
    waiting = [task("t", spec_version=version)]
    assert nodes_of(placed(waiting, [node("a"), node("b")], others, now_ms)) == [expected]


def test_a_node_that_others_are_preferred_to_is_taken_when_they_are_full() -> None:
    shy = node("a")
    shy.spec.taints.add(key="x", effect=TAINT_EFFECT_PREFER_NO_SCHEDULE)
    waiting = [task(f"t{i}", cpus=1) for i in range(6)]
    assert nodes_of(placed(waiting, [shy, node("b")])) == ["b"] * 4 + ["a"] * 2


def test_spread_preferences_come_before_the_number_of_nodes() -> None:
    nodes = [node("a", labels={"zone": "1"})]
    nodes += [node(f"b{i}", labels={"zone": "2"}) for i in range(4)]
    waiting = [task(f"t{i}", placement=Placement(spread=["node.labels.zone"])) for i in range(8)]
    assert Counter(nodes_of(placed(waiting, nodes))) == {"a": 4, "b0": 1, "b1": 1, "b2": 1, "b3": 1}


def test_the_first_preference_matters_most() -> None:
    nodes = [
        node("a", labels={"zone": "1", "rack": "x"}),
        node("b", labels={"zone": "1", "rack": "y"}),
        node("c", labels={"zone": "2", "rack": "x"}),
    ]
    spread = Placement(spread=["node.labels.zone", "node.labels.rack"])
    waiting = [task(f"t{i}", placement=spread) for i in range(8)]
    assert Counter(nodes_of(placed(waiting, nodes))) == {"a": 2, "b": 2, "c": 4}


def test_a_full_zone_hands_on_to_the_next() -> None:
    nodes = [node("a", labels={"zone": "1"}, cpus=1), node("b", labels={"zone": "2"}, cpus=8)]
    spread = Placement(spread=["node.labels.zone"])
    waiting = [task(f"t{i}", placement=spread, cpus=1) for i in range(5)]
    assert Counter(nodes_of(placed(waiting, nodes))) == {"a": 1, "b": 4}


def test_services_of_one_task_do_not_all_begin_in_the_first_zone() -> None:
    nodes = [node("a", labels={"zone": "1"}), node("b", labels={"zone": "2"})]
    spread = Placement(spread=["node.labels.zone"])
    waiting = [task(f"t{i}", service=f"s{i}", placement=spread) for i in range(6)]
    assert Counter(nodes_of(placed(waiting, nodes))) == {"a": 3, "b": 3}


def test_a_global_task_is_held_against_its_own_node_only() -> None:
    nodes = [node("a"), node("b", cpus=1)]
    waiting = [task("ta", on="a", cpus=2), task("tb", on="b", cpus=2), task("tc", on="c", cpus=2)]
    assert placed(waiting, nodes) == [
        AssignTask("ta", "a"),
        SetPendingReason("tb", "no node takes it; needs 2.0 cpus (missing on 1 of 1)"),
        SetPendingReason("tc", "its node c is not in the swarm"),
    ]


def test_a_pending_reason_counts_what_is_missing_on_how_many_nodes() -> None:
    nodes = [node("a", cpus=1), node("b", cpus=1), node("c", state=NODE_STATE_DOWN)]
    waiting = task("t", cpus=2, placement=Placement(constraints=["node.id!=a"]))
    assert placed([waiting], nodes) == [
        SetPendingReason(
            "t",
            "no node takes it; needs 2.0 cpus (missing on 2 of 3), "
            "a node that is ready and active (missing on 1 of 3), "
            "node.id!=a (missing on 1 of 3)",
        )
    ]


def test_a_reason_is_not_written_again_while_it_is_the_same() -> None:
    waiting = task("t", cpus=9)
    [action] = placed([waiting], [node("a")])
    assert isinstance(action, SetPendingReason)
    waiting.pending_reason = action.reason
    assert placed([waiting], [node("a")]) == []


def test_without_nodes_the_reason_says_so() -> None:
    assert placed([task("t")], []) == [SetPendingReason("t", "the swarm has no nodes")]


@pytest.mark.parametrize(
    "row",
    [
        task("t", state=TASK_STATE_NEW),
        task("t", state=RUNNING, on="a"),
        task("t", desired=TASK_STATE_SHUTDOWN),
    ],
    ids=["not-allocated", "runs", "not-wanted"],
)
def test_only_pending_tasks_that_are_wanted_are_placed(row: Task) -> None:
    assert placed([row], [node("a")]) == []


def test_a_host_port_is_given_once_per_node_within_one_batch() -> None:
    waiting = [task(f"t{i}", host_ports=[80]) for i in range(3)]
    actions = placed(waiting, [node("a"), node("b")])
    assert sorted(nodes_of(actions)) == ["a", "b"]
    assert isinstance(actions[-1], SetPendingReason)


NODES = st.lists(
    st.builds(
        node,
        st.just("renamed"),
        cpus=st.integers(0, 8),
        generic=st.sampled_from([{}, {"gpu": 1}, {"gpu": 3}]),
        memory_bytes=st.integers(0, 8).map(lambda gib: gib * GIB),
        labels=st.sampled_from([{}, {"zone": "1"}, {"zone": "2"}]),
        state=st.sampled_from([NODE_STATE_READY, NODE_STATE_READY, NODE_STATE_DOWN]),
        availability=st.sampled_from(
            [AVAILABILITY_ACTIVE, AVAILABILITY_ACTIVE, AVAILABILITY_DRAIN]
        ),
    ),
    max_size=6,
)
GROUPS = st.lists(
    st.fixed_dictionaries(
        {
            "cpus": st.sampled_from([0.0, 0.5, 1.0, 3.0]),
            "generic": st.sampled_from([{}, {}, {"gpu": 1}, {"gpu": 2}]),
            "memory_bytes": st.integers(0, 3).map(lambda gib: gib * GIB),
            "host_ports": st.sampled_from([(), (80,), (80, 81)]),
            "placement": st.builds(
                Placement,
                max_replicas_per_node=st.integers(0, 2),
                spread=st.sampled_from([[], ["node.labels.zone"]]),
                constraints=st.sampled_from([[], ["node.labels.zone==1"]]),
            ),
        }
    ),
    max_size=5,
)


@given(rows=NODES, groups=GROUPS, counts=st.lists(st.integers(1, 8), min_size=5, max_size=5))
def test_no_node_is_promised_more_than_it_has_and_nobody_waits_for_what_is_free(
    rows: list[Node], groups: list[dict[str, Any]], counts: list[int]
) -> None:
    for i, row in enumerate(rows):
        row.id = f"n{i}"
    waiting = [
        task(f"s{s}.{i}", service=f"s{s}", **asks)
        for s, asks in enumerate(groups)
        for i in range(counts[s])
    ]
    actions = placed(waiting, rows)
    assert {action.task_id for action in actions} == {row.id for row in waiting}
    assert actions == placed(waiting, rows), "equal states give equal decisions"

    by_id = {row.id: row for row in waiting}
    tallies = tally(rows, [], 0)
    here: dict[str, list[Task]] = {row.id: [] for row in rows}
    for action in actions:
        if isinstance(action, AssignTask):
            here[action.node_id].append(by_id[action.task_id])
            tallies[action.node_id].add(by_id[action.task_id])
    for row in rows:
        assert_kept_to(row, here[row.id])
    for action in actions:
        if isinstance(action, SetPendingReason):
            again = list(place([by_id[action.task_id]], tallies))
            assert isinstance(again[0], SetPendingReason), "nobody waits for what is free"


def assert_kept_to(row: Node, here: list[Task]) -> None:
    """Assert that these tasks can all be on that node at once."""
    ready = row.status.state == NODE_STATE_READY
    assert not here or (ready and row.spec.availability == AVAILABILITY_ACTIVE)
    has = row.description.resources
    assert sum(one.spec.reservations.nano_cpus for one in here) <= has.nano_cpus
    assert sum(one.spec.reservations.memory_bytes for one in here) <= has.memory_bytes
    assert sum(one.spec.reservations.generic.get("gpu", 0) for one in here) <= has.generic.get(
        "gpu", 0
    )
    ports = [port.published for one in here for port in one.ports]
    assert len(ports) == len(set(ports))
    counts = Counter(one.service_id for one in here)
    for one in here:
        most = one.spec.placement.max_replicas_per_node
        assert not most or counts[one.service_id] <= most
        assert not one.spec.placement.constraints or row.spec.labels.get("zone") == "1"


@given(sizes=st.lists(st.integers(1, 5), min_size=1, max_size=4), count=st.integers(1, 30))
def test_zones_never_differ_by_more_than_one(sizes: list[int], count: int) -> None:
    nodes = [
        node(f"{zone}-{i}", labels={"zone": str(zone)}, cpus=100)
        for zone, size in enumerate(sizes)
        for i in range(size)
    ]
    spread = Placement(spread=["node.labels.zone"])
    actions = placed((task(f"t{i}", placement=spread) for i in range(count)), nodes)
    zones = Counter(node_id.split("-")[0] for node_id in nodes_of(actions))
    counts = [zones[str(zone)] for zone in range(len(sizes))]
    assert sum(counts) == count
    assert max(counts) - min(counts) <= 1


def test_cpus_are_counted_without_rounding() -> None:
    waiting = [task(f"t{i}", cpus=0.1) for i in range(11)]
    assert len(nodes_of(placed(waiting, [node("a", cpus=1)]))) == 10
