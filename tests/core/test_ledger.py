from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmpy.core.actions import ACTIONS_AT_ONCE, AssignTask
from swarmpy.core.schedule.around import NOTHING_AROUND
from swarmpy.core.schedule.ledger import Ledger
from swarmpy.core.schedule.node_tally import FAILURES_COUNT_FOR_MS, NodeTally, tally
from swarmpy.core.schedule.place import is_pending, place
from swarmpy.pb.objects_pb2 import Node, Task
from swarmpy.pb.specs_pb2 import Placement
from swarmpy.pb.types_pb2 import (
    NODE_STATE_DOWN,
    TASK_STATE_ASSIGNED,
    TASK_STATE_FAILED,
    TASK_STATE_PENDING,
    TASK_STATE_RUNNING,
    TASK_STATE_SHUTDOWN,
    TaskAffinity,
)
from tests.core.placement_rows import node, task

NODES = ("a", "b", "c")
STATES = (TASK_STATE_ASSIGNED, TASK_STATE_RUNNING, TASK_STATE_FAILED, TASK_STATE_SHUTDOWN)


def decided(ledger: Ledger, now_ms: int = 0) -> list[Any]:
    return list(ledger.decide(lambda: NOTHING_AROUND, now_ms).actions)


def changed(row: Task, **fields: Any) -> Task:
    copy = Task()
    copy.CopyFrom(row)
    for name, value in fields.items():
        if name == "state":
            copy.status.state = value
        else:
            setattr(copy, name, value)
    return copy


def assigned(row: Task, node_id: str) -> Task:
    return changed(row, state=TASK_STATE_ASSIGNED, node_id=node_id)


def sums(on: NodeTally) -> dict[str, Any]:
    return {name: getattr(on, name) for name in NodeTally.__slots__}


def as_sums(tallies: dict[str, NodeTally]) -> dict[str, dict[str, Any]]:
    return {node_id: sums(on) for node_id, on in tallies.items()}


class Rows:
    """What is stored, with a ledger that follows it."""

    def __init__(self, nodes: Iterable[Node], tasks: Iterable[Task] = ()) -> None:
        self.nodes = {row.id: row for row in nodes}
        self.tasks = {row.id: row for row in tasks}
        self.ledger = self.new_ledger()

    def new_ledger(self, now_ms: int = 0) -> Ledger:
        return Ledger(self.nodes.values(), self.tasks.values(), now_ms)

    def put(self, row: Task) -> None:
        self.ledger.follow_task(self.tasks.get(row.id), row)
        self.tasks[row.id] = row

    def drop(self, task_id: str) -> None:
        self.ledger.follow_task(self.tasks.pop(task_id), None)

    def put_node(self, row: Node) -> None:
        self.ledger.follow_node(self.nodes[row.id], row)
        self.nodes[row.id] = row

    def commit(self, actions: Sequence[Any]) -> None:
        for action in actions:
            if isinstance(action, AssignTask):
                self.put(assigned(self.tasks[action.task_id], action.node_id))
            else:
                self.put(changed(self.tasks[action.task_id], pending_reason=action.reason))


def waiting(count: int, **fields: Any) -> list[Task]:
    return [task(f"t{n}", slot=n + 1, **fields) for n in range(count)]


# --- a decision that takes several transactions


def test_a_decision_goes_on_where_its_transaction_was_full() -> None:
    rows = Rows([node("a"), node("b")], waiting(2 * ACTIONS_AT_ONCE + 1))
    sizes = []
    while actions := decided(rows.ledger):
        sizes.append(len(actions))
        rows.commit(actions)
    assert sizes == [ACTIONS_AT_ONCE, ACTIONS_AT_ONCE, 1]
    tallies = rows.ledger.tallies
    assert sorted(on.tasks for on in tallies.values()) == [ACTIONS_AT_ONCE, ACTIONS_AT_ONCE + 1]


def test_tasks_that_came_while_a_decision_went_on_are_looked_at_after_it() -> None:
    rows = Rows([node("a")], waiting(ACTIONS_AT_ONCE))
    rows.commit(decided(rows.ledger))
    rows.put(task("late"))
    decision = rows.ledger.decide(lambda: NOTHING_AROUND, 0)
    assert (decision.actions, decision.look_again_ms) == ((), 0)
    assert decided(rows.ledger) == [AssignTask("late", "a")]


def test_a_decision_begins_anew_when_a_node_has_changed() -> None:
    rows = Rows([node("a"), node("b")], waiting(ACTIONS_AT_ONCE + 10))
    rows.commit(decided(rows.ledger))
    away = node("b")
    away.status.state = NODE_STATE_DOWN
    rows.put_node(away)
    assert {action.node_id for action in decided(rows.ledger)} == {"a"}


def test_a_task_that_is_no_longer_wanted_is_left_out_of_a_decision_that_goes_on() -> None:
    rows = Rows([node("a")], waiting(ACTIONS_AT_ONCE + 2))
    rows.commit(decided(rows.ledger))
    rows.put(changed(rows.tasks[f"t{ACTIONS_AT_ONCE}"], desired_state=TASK_STATE_SHUTDOWN))
    assert decided(rows.ledger) == [AssignTask(f"t{ACTIONS_AT_ONCE + 1}", "a")]


# --- what is promised


def test_what_a_dropped_transaction_promised_is_promised_again() -> None:
    rows = Rows([node("a", cpus=2)], waiting(3, cpus=1))
    first = decided(rows.ledger)
    again = decided(rows.ledger)
    assert again == first
    rows.commit(again)
    assert as_sums(rows.ledger.tallies) == as_sums(rows.new_ledger().tallies)


def test_what_was_promised_to_a_task_that_went_is_free() -> None:
    rows = Rows([node("a", cpus=1)], waiting(2, cpus=1))
    assert AssignTask("t0", "a") in decided(rows.ledger)
    rows.drop("t0")
    assert decided(rows.ledger) == [AssignTask("t1", "a")]


# --- failures


@pytest.mark.parametrize(
    ("later_ms", "counted"),
    [(FAILURES_COUNT_FOR_MS - 1, {("web", 1): 1}), (FAILURES_COUNT_FOR_MS, {})],
    ids=["within five minutes", "later"],
)
def test_a_failure_counts_for_five_minutes(later_ms: int, counted: dict[Any, int]) -> None:
    rows = Rows([node("a")], [task("t", on="a", state=TASK_STATE_RUNNING)])
    rows.put(changed(rows.tasks["t"], state=TASK_STATE_FAILED))
    rows.ledger.decide(lambda: NOTHING_AROUND, later_ms)
    assert rows.ledger.tallies["a"].failures == counted


# --- the invariant


def tasks() -> st.SearchStrategy[Task]:
    apart = Placement(anti_affinity=[TaskAffinity(service="db", topology_key="node.hostname")])
    return st.builds(
        task,
        st.sampled_from([f"t{n}" for n in range(8)]),
        service=st.sampled_from(["web", "db"]),
        cpus=st.sampled_from([0, 0.5, 2]),
        generic=st.sampled_from([{}, {"gpu": 1}]),
        placement=st.sampled_from([None, apart]),
    )


@st.composite
def events(draw: st.DrawFn) -> list[tuple[str, Any]]:
    names = st.sampled_from([f"t{n}" for n in range(8)])
    event = st.one_of(
        st.tuples(st.just("new"), tasks()),
        st.tuples(st.just("drop"), names),
        st.tuples(st.just("state"), st.tuples(names, st.sampled_from(STATES))),
        st.tuples(st.just("unwanted"), names),
        st.tuples(st.just("decide"), st.booleans()),
        st.tuples(st.just("node"), st.tuples(st.sampled_from(NODES), st.integers(0, 4))),
    )
    return draw(st.lists(event, max_size=40))


def happen(rows: Rows, what: str, with_what: Any) -> None:
    match what:
        case "new" if with_what.id not in rows.tasks:
            rows.put(with_what)
        case "drop" if with_what in rows.tasks:
            rows.drop(with_what)
        case "state":
            task_id, state = with_what
            row = rows.tasks.get(task_id)
            if row is not None and row.node_id and row.status.state < state:
                rows.put(changed(row, state=state))
        case "unwanted" if with_what in rows.tasks:
            rows.put(changed(rows.tasks[with_what], desired_state=TASK_STATE_SHUTDOWN))
        case "decide":
            actions = decided(rows.ledger)
            if with_what:
                rows.commit(actions)
        case "node":
            node_id, cpus = with_what
            rows.put_node(node(node_id, cpus=cpus, generic={"gpu": 2}))
        case _:
            pass  # it is about a task that is not there


@given(events())
@settings(max_examples=300)
def test_a_ledger_that_followed_every_change_is_one_made_anew(
    happened: list[tuple[str, Any]],
) -> None:
    rows = Rows([node(one) for one in NODES])
    for what, with_what in happened:
        happen(rows, what, with_what)
    followed = decided(rows.ledger)
    made_anew = decided(rows.new_ledger())
    assert sorted(map(str, followed)) == sorted(map(str, made_anew))
    rows.commit(followed)
    while more := decided(rows.ledger):
        rows.commit(more)
    assert as_sums(rows.ledger.tallies) == as_sums(
        tally(rows.nodes.values(), rows.tasks.values(), 0)
    )


@given(events())
def test_nothing_is_promised_twice_whatever_is_dropped(happened: list[tuple[str, Any]]) -> None:
    rows = Rows([node(one, cpus=2) for one in NODES])
    for what, with_what in happened:
        if what != "node":
            happen(rows, what, with_what)
        for on in tally(rows.nodes.values(), rows.tasks.values(), 0).values():
            assert on.nano_cpus <= on.nano_cpus_in_all


def test_a_ledger_decides_as_placement_does() -> None:
    rows = waiting(20, cpus=0.5)
    nodes = [node(one) for one in NODES]
    expected = list(place([row for row in rows if is_pending(row)], tally(nodes, (), 0)))
    assert decided(Ledger(nodes, rows, 0)) == expected
    assert all(row.status.state == TASK_STATE_PENDING for row in rows)
