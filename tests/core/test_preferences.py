"""Of the nodes that can take a task, the one that the service would rather have gets it."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.core.schedule.around import Around
from swarmpy.pb.specs_pb2 import Placement
from swarmpy.pb.types_pb2 import (
    NODE_ROLE_MANAGER,
    PLACEMENT_STRATEGY_BINPACK,
    PLACEMENT_STRATEGY_SPREAD,
    PLACEMENT_STRATEGY_UNSPECIFIED,
    TASK_STATE_FAILED,
    TASK_STATE_RUNNING,
    NodePreference,
    PlacementStrategy,
)
from tests.core.placement_rows import GIB, node, task
from tests.core.test_place import nodes_of, placed

BINPACK = Placement(strategy=PLACEMENT_STRATEGY_BINPACK)
RUNNING = TASK_STATE_RUNNING


def preferring(**weights: int) -> Placement:
    """Return a placement that prefers nodes with these labels."""
    return Placement(
        preferences=[
            NodePreference(constraint=f"node.labels.{label} exists", weight=weight)
            for label, weight in weights.items()
        ]
    )


def test_binpack_fills_one_node_before_it_begins_the_next() -> None:
    waiting = [task(f"t{i}", cpus=1, placement=BINPACK) for i in range(6)]
    assert nodes_of(placed(waiting, [node("a"), node("b"), node("c")])) == ["a"] * 4 + ["b"] * 2


def test_binpack_takes_the_fullest_node_that_still_fits() -> None:
    others = [
        task("o1", on="b", state=RUNNING, service="x", cpus=2),
        task("o2", on="c", state=RUNNING, service="x", memory_bytes=6 * GIB),
        task("o3", on="d", state=RUNNING, service="x", cpus=4),
    ]
    nodes = [node("a"), node("b"), node("c"), node("d")]
    waiting = [task("t", cpus=1, placement=BINPACK)]
    assert nodes_of(placed(waiting, nodes, others)) == ["c"]


def test_binpack_counts_tasks_where_nothing_is_reserved() -> None:
    others = [task("o", on="b", state=RUNNING, service="x")]
    waiting = [task(f"t{i}", placement=BINPACK) for i in range(3)]
    assert nodes_of(placed(waiting, [node("a"), node("b")], others)) == ["b"] * 3


@pytest.mark.parametrize(
    ("of_service", "of_cluster", "packs"),
    [
        (PLACEMENT_STRATEGY_UNSPECIFIED, PLACEMENT_STRATEGY_UNSPECIFIED, False),
        (PLACEMENT_STRATEGY_UNSPECIFIED, PLACEMENT_STRATEGY_BINPACK, True),
        (PLACEMENT_STRATEGY_SPREAD, PLACEMENT_STRATEGY_BINPACK, False),
        (PLACEMENT_STRATEGY_BINPACK, PLACEMENT_STRATEGY_SPREAD, True),
    ],
)
def test_a_service_that_does_not_say_is_placed_as_the_cluster_does(
    of_service: PlacementStrategy.ValueType, of_cluster: PlacementStrategy.ValueType, packs: bool
) -> None:
    waiting = [task(f"t{i}", placement=Placement(strategy=of_service)) for i in range(2)]
    actions = placed(waiting, [node("a"), node("b")], around=Around(of_cluster))
    assert nodes_of(actions) == (["a", "a"] if packs else ["a", "b"])


def test_a_spread_over_zones_is_kept_by_binpack_which_packs_within_each() -> None:
    nodes = [node(f"{zone}{i}", labels={"zone": zone}) for zone in "xy" for i in range(2)]
    both = Placement(strategy=PLACEMENT_STRATEGY_BINPACK, spread=["node.labels.zone"])
    waiting = [task(f"t{i}", cpus=1, placement=both) for i in range(6)]
    assert Counter(nodes_of(placed(waiting, nodes))) == {"x0": 3, "y0": 3}


@pytest.mark.parametrize("key", ["node.hostname", "node.id", "node.platform.arch", "node.role"])
def test_tasks_can_be_spread_over_what_a_node_is(key: str) -> None:
    nodes = [node("a"), node("b"), node("c")]
    nodes[2].description.platform.architecture = "arm64"
    nodes[2].role = NODE_ROLE_MANAGER
    waiting = [task(f"t{i}", placement=Placement(spread=[key])) for i in range(6)]
    counts = Counter(nodes_of(placed(waiting, nodes)))
    expected = {"a": 2, "b": 2, "c": 2} if key in {"node.hostname", "node.id"} else None
    assert counts == (expected or {"c": 3, "a": 2, "b": 1})


def test_a_preferred_node_comes_first_and_others_when_it_is_full() -> None:
    nodes = [node("a"), node("b", labels={"ssd": ""}), node("c")]
    waiting = [task(f"t{i}", cpus=1, placement=preferring(ssd=1)) for i in range(6)]
    assert nodes_of(placed(waiting, nodes)) == ["b"] * 4 + ["a", "c"]


def test_weights_of_all_preferences_that_a_node_meets_are_added_up() -> None:
    nodes = [
        node("a", labels={"ssd": ""}),
        node("b", labels={"gpu": "", "near": ""}),
        node("c", labels={"near": ""}),
    ]
    wish = preferring(ssd=60, gpu=30, near=31)
    assert nodes_of(placed([task("t", placement=wish)], nodes)) == ["b"]


def test_a_node_where_the_version_fails_is_not_taken_for_being_preferred() -> None:
    failed = [task(f"f{i}", on="a", state=TASK_STATE_FAILED) for i in range(5)]
    nodes = [node("a", labels={"ssd": ""}), node("b")]
    assert nodes_of(placed([task("t", placement=preferring(ssd=100))], nodes, failed)) == ["b"]


@given(
    weights=st.dictionaries(st.sampled_from("xyz"), st.integers(1, 100), max_size=3),
    labels=st.lists(st.sets(st.sampled_from("xyz")), min_size=1, max_size=5),
    room=st.integers(1, 3),
    count=st.integers(1, 12),
)
def test_no_task_is_on_a_node_while_a_better_one_had_room(
    weights: dict[str, int], labels: list[set[str]], room: int, count: int
) -> None:
    nodes = [
        node(f"n{i}", cpus=room, labels=dict.fromkeys(sorted(has), ""))
        for i, has in enumerate(labels)
    ]
    worth = {f"n{i}": sum(weights.get(label, 0) for label in has) for i, has in enumerate(labels)}
    waiting = [task(f"t{i}", cpus=1, placement=preferring(**weights)) for i in range(count)]
    counts = Counter(nodes_of(placed(waiting, nodes)))
    assert sum(counts.values()) == min(count, room * len(nodes))
    for taken in counts:
        better = (other for other in worth if worth[other] > worth[taken])
        assert all(counts[other] == room for other in better)
