from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.core.actions import Evict, Nominate, SetPendingReason
from swarmpy.core.preempt import may_displace, reconcile
from swarmpy.core.schedule.node_tally import tally
from swarmpy.core.schedule.place import place
from swarmpy.pb.objects_pb2 import Eviction, Node, Task
from swarmpy.pb.types_pb2 import TASK_STATE_RUNNING, TASK_STATE_SHUTDOWN
from tests.core.pick import pick
from tests.core.placement_rows import node, service, task

NO_ROOM = "no node takes it; needs 1.0 cpus (missing on 1 of 1)"
SERVICES = {name: service(name) for name in ("web", "db", "batch", "agent")}
SERVICES["agent"].spec.ClearField("replicated")
getattr(SERVICES["agent"].spec, "global").SetInParent()


def with_priority(row: Task, priority: int) -> Task:
    row.spec.priority = priority
    return row


def waits(task_id: str, *, cpus: float = 1, priority: int = 10, service: str = "db") -> Task:
    row = with_priority(task(task_id, cpus=cpus, service=service), priority)
    row.pending_reason = NO_ROOM
    return row


def runs(
    task_id: str, *, on: str = "a", cpus: float = 1, priority: int = 0, service: str = "web"
) -> Task:
    row = task(task_id, on=on, cpus=cpus, service=service, state=TASK_STATE_RUNNING)
    return with_priority(row, priority)


def with_volume(row: Task) -> Task:
    row.spec.containers[0].mounts.add(source="data", target="/data")
    return row


def evicted(nodes: Iterable[Node], *tasks: Task) -> tuple[list[str], list[str]]:
    """Return who leaves, and the nodes that somebody is nominated for."""
    decision = reconcile(nodes, SERVICES, tasks, 0)
    assert all(one.at_once for one in pick(decision, Evict))
    leaving = sorted(one.task_id for one in pick(decision, Evict))
    return leaving, [one.node_id for one in pick(decision, Nominate)]


def test_a_task_of_a_lower_priority_makes_room() -> None:
    assert evicted([node("a", cpus=1)], runs("w"), waits("d")) == (["w"], ["a"])


@pytest.mark.parametrize(
    ("running", "waiting"),
    [
        (runs("w", priority=10), waits("d")),
        (runs("w", priority=11), waits("d")),
        (runs("g", service="agent"), waits("d")),
        (runs("w"), waits("d", cpus=2)),
        (with_volume(runs("w")), waits("d")),
    ],
    ids=[
        "the same priority",
        "a higher one",
        "bound to its node",
        "more than the node has",
        "its data is there",
    ],
)
def test_nobody_leaves_in_vain(running: Task, waiting: Task) -> None:
    assert evicted([node("a", cpus=1)], running, waiting) == ([], [])


def test_nobody_leaves_for_a_task_that_never_preempts() -> None:
    waiting = waits("d")
    waiting.spec.never_preempts = True
    assert evicted([node("a", cpus=1)], runs("w"), waiting) == ([], [])


def test_nobody_leaves_before_the_scheduler_has_looked() -> None:
    waiting = waits("d")
    waiting.pending_reason = ""
    assert evicted([node("a", cpus=1)], runs("w"), waiting) == ([], [])


def test_the_lowest_priorities_leave_then_the_fewest_tasks() -> None:
    nodes = [node("a", cpus=2), node("b", cpus=2), node("c", cpus=2)]
    rows = [
        runs("a1", on="a", cpus=2, priority=5),
        runs("b1", on="b", priority=1),
        runs("b2", on="b", priority=1),
        runs("c1", on="c", cpus=2, priority=1),
    ]
    assert evicted(nodes, *rows, waits("d", cpus=2)) == (["c1"], ["c"])


def test_no_more_leave_than_must() -> None:
    rows = [runs("small", cpus=0.5), runs("large", cpus=2, priority=1)]
    assert evicted([node("a", cpus=3)], *rows, waits("d", cpus=2)) == (["large"], ["a"])


def test_nobody_leaves_where_others_are_leaving_already() -> None:
    leaving = runs("w")
    leaving.eviction.CopyFrom(Eviction(reason="makes room for db", at_once=True))
    assert evicted([node("a", cpus=1)], leaving, waits("d")) == ([], ["a"])


def test_room_that_is_made_for_one_is_not_promised_to_another() -> None:
    rows = [runs("w1"), runs("w2")]
    assert evicted([node("a", cpus=2)], *rows, waits("d1"), waits("d2")) == (
        ["w1", "w2"],
        ["a", "a"],
    )


def test_the_highest_priority_is_served_first() -> None:
    rows = [runs("w"), waits("low", priority=1, service="batch"), waits("high", priority=2)]
    decision = reconcile([node("a", cpus=1)], SERVICES, rows, 0)
    assert pick(decision, Nominate) == [Nominate("high", "a")]


def test_a_node_is_kept_for_whom_it_was_nominated() -> None:
    nominated = waits("d")
    nominated.nominated_node_id = "a"
    stopping = runs("w", cpus=0.5)
    stopping.desired_state = TASK_STATE_SHUTDOWN
    low = task("low", cpus=0.5, service="batch")
    rows = [nominated, stopping, low]
    [left] = place(rows, tally([node("a", cpus=1)], rows, 0))
    assert left == SetPendingReason(
        "low",
        "no node takes it; needs a node that is not kept for tasks of a higher priority "
        "(missing on 1 of 1)",
    )


def test_priorities_matter_only_where_there_are_several() -> None:
    high = service("high")
    high.spec.task.priority = 1
    assert not may_displace([service("a"), service("b")])
    assert may_displace([service("a"), high])


@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0.5, 1, 2])), max_size=6),
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0.5, 1, 2])), max_size=4),
)
def test_whoever_leaves_has_a_lower_priority_and_makes_room(
    there: list[tuple[int, float]], waiting: list[tuple[int, float]]
) -> None:
    rows = [
        runs(f"r{i}", on="ab"[i % 2], cpus=cpus, priority=priority)
        for i, (priority, cpus) in enumerate(there)
    ]
    asks = [
        waits(f"w{i}", cpus=cpus, priority=priority, service=f"s{i}")
        for i, (priority, cpus) in enumerate(waiting)
    ]
    nodes = [node("a", cpus=8), node("b", cpus=8)]
    for row in nodes:
        row.description.resources.nano_cpus = int(2e9)
    decision = reconcile(
        nodes,
        {**SERVICES, **{a.service_id: service(a.service_id) for a in asks}},
        [*rows, *asks],
        0,
    )
    leaving = {one.task_id for one in pick(decision, Evict)}
    nominated = {one.task_id: one.node_id for one in pick(decision, Nominate)}
    lowest = min((one.spec.priority for one in rows if one.id in leaving), default=0)
    assert not leaving or max(one.spec.priority for one in asks if one.id in nominated) > lowest
    staying = [one for one in rows if one.id not in leaving]
    tallies = tally(nodes, staying, 0)
    before = {node_id: on.nano_cpus for node_id, on in tallies.items()}
    for one in asks:
        if one.id in nominated:
            tallies[nominated[one.id]].add(one)
    for node_id, on in tallies.items():
        grown = on.nano_cpus > before[node_id]
        assert not grown or on.nano_cpus <= on.nano_cpus_in_all
