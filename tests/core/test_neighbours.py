"""Tasks run near to those of some services, away from those of others, and evenly over zones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from swarmpy.core.actions import AssignTask, SetPendingReason
from swarmpy.core.schedule.around import Around
from swarmpy.core.schedule.attribute import find_value
from swarmpy.core.schedule.node_tally import tally
from swarmpy.core.schedule.place import Placement as Placed
from swarmpy.core.schedule.place import place
from swarmpy.pb.objects_pb2 import Node, Service, Task
from swarmpy.pb.specs_pb2 import Placement
from swarmpy.pb.types_pb2 import (
    NODE_STATE_DOWN,
    TASK_STATE_RUNNING,
    TASK_STATE_SHUTDOWN,
    TaskAffinity,
    TopologySpread,
)
from tests.core.placement_rows import node, service, task
from tests.core.test_place import nodes_of

RUNNING = TASK_STATE_RUNNING
ZONE = "node.labels.zone"
HOST = "node.hostname"


def zoned(*zones: str, **fields: Any) -> list[Node]:
    """Return nodes "a", "b"... in these zones; "" is none."""
    return [
        node("abcdefgh"[i], labels={"zone": zone} if zone else {}, **fields)
        for i, zone in enumerate(zones)
    ]


def services(*names: str, **labelled: Mapping[str, str]) -> dict[str, Service]:
    rows = {name: service(name) for name in (*names, *labelled)}
    for name, labels in labelled.items():
        rows[name].spec.labels.update(labels)
    return rows


SERVICES = services("web", "db", cache={"tier": "back"}, queue={"tier": "back"})


def near(whom: str = "", key: str = HOST, weight: int = 0, **labels: str) -> Placement:
    return Placement(
        affinity=[TaskAffinity(service=whom, labels=labels, topology_key=key, weight=weight)]
    )


def away(whom: str = "", key: str = HOST, weight: int = 0, **labels: str) -> Placement:
    [term] = near(whom, key, weight, **labels).affinity
    return Placement(anti_affinity=[term])


def even(key: str, most: int = 1, *, anyway: bool = False) -> Placement:
    rule = TopologySpread(topology_key=key, max_skew=most, schedule_anyway=anyway)
    return Placement(topology_spread=[rule])


def group(count: int, placement: Placement, name: str = "web", **fields: Any) -> list[Task]:
    return [
        task(f"{name}{i:02}", service=name, placement=placement, slot=i + 1, **fields)
        for i in range(count)
    ]


def on(node_id: str, name: str, **fields: Any) -> Task:
    return task(f"{name}@{node_id}", service=name, on=node_id, state=RUNNING, **fields)


def placed(
    waiting: Sequence[Task],
    nodes: Sequence[Node],
    others: Iterable[Task] = (),
    rows: Mapping[str, Service] = SERVICES,
) -> list[Placed]:
    return list(place(waiting, tally(nodes, [*others, *waiting], 0), Around(services=rows)))


def where(actions: Iterable[Placed]) -> Counter[str]:
    return Counter(nodes_of(actions))


# --- required


@pytest.mark.parametrize(
    ("placement", "expected"),
    [
        (near("db"), {"b"}),
        (near("db", ZONE), {"a", "b"}),
        (near(tier="back"), {"c"}),
        (near("queue"), set()),
        (away("db"), {"a", "c", "d"}),
        (away("db", ZONE), {"c", "d"}),
        (away(tier="back"), {"a", "b", "d"}),
        (away("queue"), {"a", "b", "c", "d"}),
    ],
    ids=[
        "host", "zone", "labels", "nowhere",
        "not-host", "not-zone", "not-labels", "not-nowhere",
    ],
)  # fmt: skip
def test_tasks_go_near_to_a_service_or_keep_away(placement: Placement, expected: set[str]) -> None:
    nodes = zoned("x", "x", "y", "")
    others = [on("b", "db"), on("c", "cache")]
    assert set(where(placed(group(8, placement), nodes, others))) == expected


def test_what_is_being_stopped_attracts_and_keeps_away_nobody() -> None:
    leaving = on("a", "db", desired=TASK_STATE_SHUTDOWN)
    assert not nodes_of(placed(group(1, near("db")), zoned("x"), [leaving]))
    assert nodes_of(placed(group(1, away("db")), zoned("x"), [leaving])) == ["a"]


def test_tasks_that_are_apart_are_apart_from_each_other() -> None:
    shy = on("a", "db", placement=away("web", ZONE))
    nodes = zoned("x", "x", "y")
    assert where(placed(group(3, Placement()), nodes, [shy])) == {"c": 3}
    waiting = [*group(1, away("web", ZONE), "db"), *group(3, Placement())]
    actions = placed(waiting, nodes)
    assert nodes_of(actions)[0] == "a"
    assert set(nodes_of(actions)[1:]) == {"c"}, "also what the same decision places"


def test_an_older_version_that_kept_itself_apart_is_not_in_the_way_of_the_new_one() -> None:
    old = on("a", "web", placement=away("web"))
    assert nodes_of(placed(group(1, Placement()), zoned("x"), [old])) == ["a"]


def test_a_service_that_keeps_away_from_itself_has_one_task_for_each_value() -> None:
    nodes = zoned("x", "x", "y", "y", "")
    actions = placed(group(6, away("web", ZONE)), nodes)
    zone_of = {one.id: find_value(ZONE, one) or "" for one in nodes}
    zones = [zone_of[node_id] for node_id in nodes_of(actions)]
    assert sorted(zones) == ["", "", "", "", "x", "y"], "a node without a zone is near to none"
    assert where(placed(group(6, away("web")), nodes)) == dict.fromkeys("abcde", 1)


def test_a_first_task_may_go_anywhere_and_the_others_follow_it() -> None:
    nodes = zoned("x", "y", "y", cpus=2)
    assert set(where(placed(group(4, near("web", ZONE), cpus=1), nodes))) == {"a"}
    others = [on("b", "web")]
    assert where(placed(group(4, near("web", ZONE), cpus=1), nodes, others)) == {"b": 2, "c": 2}


def test_those_that_follow_are_placed_after_those_they_follow_whatever_their_order() -> None:
    chain = [*group(2, near("db"), "web"), *group(1, near("cache"), "db")]
    chain += group(1, Placement(constraints=["node.id==b"]), "cache")
    actions = placed(chain, zoned("x", "x", "y"))
    assert [(a.task_id, a.node_id) for a in actions if isinstance(a, AssignTask)] == [
        ("cache00", "b"), ("db00", "b"), ("web00", "b"), ("web01", "b"),
    ]  # fmt: skip


def test_those_that_wait_for_each_other_wait() -> None:
    waiting = [*group(1, near("db"), "web"), *group(1, near("web"), "db")]
    actions = placed(waiting, zoned("x"))
    assert actions == [
        SetPendingReason(
            "web00", "no node takes it; needs a task of db on its node.hostname (missing on 1 of 1)"
        ),
        SetPendingReason(
            "db00", "no node takes it; needs a task of web on its node.hostname (missing on 1 of 1)"
        ),
    ]


def test_a_global_task_follows_only_on_its_own_node() -> None:
    waiting = [
        task("ta", on="a", placement=near("db")),
        task("tb", on="b", placement=near("db")),
        *group(1, Placement(constraints=["node.id==b"]), "db"),
    ]
    actions = placed(waiting, zoned("x", "x"))
    assert [a.task_id for a in actions if isinstance(a, AssignTask)] == ["db00", "tb"]


# --- preferred


def test_a_preferred_neighbour_is_followed_while_there_is_room() -> None:
    nodes = zoned("x", "x", "y", cpus=2)
    waiting = group(5, near("db", ZONE, weight=1), cpus=1)
    assert where(placed(waiting, nodes, [on("a", "db")])) == {"a": 2, "b": 2, "c": 1}


def test_a_neighbour_that_is_not_liked_is_avoided_while_there_is_room() -> None:
    nodes = zoned("x", "y", "z", cpus=2)
    waiting = group(5, away("db", weight=1), cpus=1)
    assert where(placed(waiting, nodes, [on("a", "db")])) == {"b": 2, "c": 2, "a": 1}


def test_the_heavier_wish_wins() -> None:
    wishes = Placement(
        affinity=near("db", weight=40).affinity,
        anti_affinity=away("cache", ZONE, weight=60).anti_affinity,
    )
    others = [on("a", "db"), on("b", "cache")]
    assert nodes_of(placed(group(1, wishes), zoned("x", "x", "y"), others)) == ["c"]


def test_a_service_that_likes_its_own_gathers_and_one_that_does_not_scatters() -> None:
    nodes = zoned("x", "x", "y", "y", "z")
    assert set(where(placed(group(6, near("web", ZONE, weight=5)), nodes))) == {"a", "b"}
    first_three = nodes_of(placed(group(6, away("web", ZONE, weight=5)), nodes))[:3]
    assert {find_value(ZONE, one) for one in nodes if one.id in first_three} == {"x", "y", "z"}


# --- evenly


@pytest.mark.parametrize(
    ("most", "count", "expected"),
    [
        (1, 9, {"x": 2, "y": 2, "z": 1}),
        (2, 9, {"x": 3, "y": 3, "z": 1}),
        (9, 9, {"x": 4, "y": 4, "z": 1}),
    ],
)
def test_no_zone_has_more_than_the_skew_beyond_the_lowest(
    most: int, count: int, expected: dict[str, int]
) -> None:
    nodes = [node("a", labels={"zone": "x"}, cpus=4), node("b", labels={"zone": "y"}, cpus=4)]
    nodes.append(node("c", labels={"zone": "z"}, cpus=1))
    actions = placed(group(count, even(ZONE, most), cpus=1), nodes)
    zones = {one.id: str(find_value(ZONE, one)) for one in nodes}
    assert Counter(zones[node_id] for node_id in nodes_of(actions)) == expected


def test_a_skew_that_cannot_be_kept_is_kept_as_small_as_can_be_where_that_is_enough() -> None:
    nodes = [node("a", labels={"zone": "x"}, cpus=9), node("b", labels={"zone": "y"}, cpus=1)]
    actions = placed(group(5, even(ZONE, anyway=True), cpus=1), nodes)
    assert where(actions) == {"a": 4, "b": 1}
    liked = Placement(topology_spread=even(ZONE, anyway=True).topology_spread)
    liked.preferences.add(constraint="node.id==a", weight=100)
    nodes[1].description.resources.nano_cpus *= 9
    assert where(placed(group(6, liked, cpus=1), nodes)) == {"a": 3, "b": 3}


@pytest.mark.parametrize("anyway", [False, True])
def test_a_skew_over_hosts_is_kept_against_a_preference(anyway: bool) -> None:
    nodes = zoned("x", "x", "y", cpus=9)
    wish = even(HOST, 2, anyway=anyway)
    wish.preferences.add(constraint="node.id==b", weight=100)
    taken = nodes_of(placed(group(9, wish, cpus=1), nodes))
    assert taken[:2] == ["b", "b"]
    assert max(Counter(taken).values()) - min(Counter(taken).values()) <= 2
    assert len(set(taken)) == 3


def test_a_zone_without_a_node_that_suits_is_not_the_lowest() -> None:
    nodes = [*zoned("x", "y"), node("c", labels={"zone": "z"}, state=NODE_STATE_DOWN)]
    assert where(placed(group(6, even(ZONE)), nodes)) == {"a": 3, "b": 3}


def test_a_node_without_the_label_takes_none_or_comes_last() -> None:
    nodes = zoned("", "x", cpus=2)
    assert where(placed(group(3, even(ZONE), cpus=1), nodes)) == {"b": 2}
    assert where(placed(group(3, even(ZONE, anyway=True), cpus=1), nodes)) == {"b": 2, "a": 1}
