"""Whatever services ask of each other, each task goes where it may, and waits only if it must."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from swarmpy.core.actions import AssignTask, SetPendingReason
from swarmpy.core.schedule.attribute import find_value
from swarmpy.pb.objects_pb2 import Node, Task
from swarmpy.pb.specs_pb2 import Placement
from swarmpy.pb.types_pb2 import TaskAffinity, TopologySpread
from tests.core.placement_rows import node, task
from tests.core.test_neighbours import HOST, RUNNING, ZONE, group, placed

KEYS = st.sampled_from([ZONE, HOST, "node.labels.rack"])
NAMES = ["web", "db", "cache"]
TERMS = st.builds(
    TaskAffinity,
    service=st.sampled_from(NAMES),
    topology_key=KEYS,
    weight=st.sampled_from([0, 0, 7]),
)
RULES = st.builds(
    TopologySpread, topology_key=KEYS, max_skew=st.integers(1, 2), schedule_anyway=st.booleans()
)
PLACEMENTS = st.builds(
    Placement,
    affinity=st.lists(TERMS, max_size=1),
    anti_affinity=st.lists(TERMS, max_size=1),
    topology_spread=st.lists(RULES, max_size=2),
    spread=st.sampled_from([[], [ZONE]]),
)
LABELS = st.fixed_dictionaries(
    {}, optional={"zone": st.sampled_from("xy"), "rack": st.sampled_from("pq")}
)


def near_on(key: str, one: Node, nodes: Sequence[Node]) -> set[str]:
    """Return the ids of the nodes that are near to one by a key."""
    value = find_value(key, one)
    return {other.id for other in nodes if value is not None and find_value(key, other) == value}


def keeps_even(row: Task, one: Node, nodes: Sequence[Node], there: Sequence[Task]) -> bool:
    for rule in (rule for rule in row.spec.placement.topology_spread if not rule.schedule_anyway):
        own = [r.node_id for r in there if r.service_name == row.service_name]
        counts = {
            value: sum(i in near_on(rule.topology_key, n, nodes) for i in own)
            for n in nodes
            if (value := find_value(rule.topology_key, n)) is not None
        }
        value = find_value(rule.topology_key, one)
        if value is None or counts[value] + 1 - min(counts.values()) > rule.max_skew:
            return False
    return True


def may_take(row: Task, one: Node, nodes: Sequence[Node], there: Sequence[Task]) -> bool:
    """Say whether a task may go to a node, in the plainest words."""

    def has(term: TaskAffinity, ids: set[str]) -> bool:
        return any(r.service_name == term.service and r.node_id in ids for r in there)

    asks = row.spec.placement
    for term in (term for term in asks.affinity if not term.weight):
        keyed = {n.id for n in nodes if find_value(term.topology_key, n) is not None}
        is_first = term.service == row.service_name and not has(term, keyed)
        if not has(term, near_on(term.topology_key, one, nodes)) and not (
            is_first and one.id in keyed
        ):
            return False
    for term in (term for term in asks.anti_affinity if not term.weight):
        if has(term, near_on(term.topology_key, one, nodes)):
            return False
    for other in (r for r in there if r.service_name != row.service_name):
        for term in (term for term in other.spec.placement.anti_affinity if not term.weight):
            if term.service == row.service_name and other.node_id in near_on(
                term.topology_key, one, nodes
            ):
                return False
    if not keeps_even(row, one, nodes, there):
        return False
    used = sum(r.spec.reservations.nano_cpus for r in there if r.node_id == one.id)
    return used + row.spec.reservations.nano_cpus <= one.description.resources.nano_cpus


@given(
    labels=st.lists(LABELS, min_size=1, max_size=5),
    asks=st.lists(PLACEMENTS, min_size=3, max_size=3),
    counts=st.lists(st.integers(0, 5), min_size=3, max_size=3),
    present=st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 4)), max_size=4),
    room=st.integers(1, 3),
)
def test_each_task_was_allowed_where_it_went_and_nobody_waits_for_what_is_allowed(
    labels: list[dict[str, str]],
    asks: list[Placement],
    counts: list[int],
    present: list[tuple[str, int]],
    room: int,
) -> None:
    nodes = [node("abcde"[i], labels=has, cpus=room + 4) for i, has in enumerate(labels)]
    there = [
        task(f"p{i}", service=name, on=nodes[at % len(nodes)].id, state=RUNNING, cpus=1,
             placement=asks[NAMES.index(name)])
        for i, (name, at) in enumerate(present)
    ]  # fmt: skip
    waiting = [
        row for i, name in enumerate(NAMES) for row in group(counts[i], asks[i], name, cpus=1)
    ]
    by_id = {row.id: row for row in waiting}
    node_by_id = {one.id: one for one in nodes}
    actions = placed(waiting, nodes, there)
    assert {action.task_id for action in actions} == set(by_id)
    assert actions == placed(waiting, nodes, there), "equal states give equal decisions"
    for action in actions:
        if isinstance(action, AssignTask):
            row = by_id[action.task_id]
            assert may_take(row, node_by_id[action.node_id], nodes, there)
            row.node_id = action.node_id
            there.append(row)
    for action in actions:
        if isinstance(action, SetPendingReason):
            row = by_id[action.task_id]
            assert not any(may_take(row, one, nodes, there) for one in nodes)
