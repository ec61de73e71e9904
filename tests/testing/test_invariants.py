import asyncio
import random
from collections.abc import Callable

import pytest

from swarmpy.ids import IdSource
from swarmpy.pb.objects_pb2 import Task
from swarmpy.pb.transaction_pb2 import Transaction
from swarmpy.pb.types_pb2 import (
    TASK_STATE_ASSIGNED,
    TASK_STATE_FAILED,
    TASK_STATE_READY,
    TASK_STATE_REMOVE,
    TASK_STATE_RUNNING,
    TASK_STATE_SHUTDOWN,
    TaskState,
)
from swarmpy.store.store import Store
from swarmpy.store.view import View
from swarmpy.testing.builders import node, service, service_spec, task, task_spec
from swarmpy.testing.clock import VirtualClock
from swarmpy.testing.invariants import Invariants, misplaced, overfull, what_went_back
from swarmpy.testing.story import Story
from swarmpy.testing.virtual_loop import run


def test_a_task_that_goes_forward_is_in_order() -> None:
    old = task(state=TASK_STATE_RUNNING, on="n1")
    new = task(state=TASK_STATE_FAILED, on="n1", desired=TASK_STATE_REMOVE)
    assert what_went_back(old, new) == []


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        pytest.param(
            task(state=TASK_STATE_RUNNING),
            task(state=TASK_STATE_READY),
            "was RUNNING and became READY",
            id="observed",
        ),
        pytest.param(
            task(desired=TASK_STATE_SHUTDOWN),
            task(desired=TASK_STATE_RUNNING),
            "shall be RUNNING after SHUTDOWN",
            id="desired",
        ),
        pytest.param(task(on="n1"), task(on="n2"), "moved from n1 to n2", id="node"),
    ],
)
def test_a_task_that_goes_back_is_told(old: Task, new: Task, wrong: str) -> None:
    assert what_went_back(old, new) == [wrong]


def view_of(*tasks: Task) -> View:
    view = View()
    view.nodes.put("n1", node("n1", cpus=2.0))
    for row in tasks:
        view.tasks.put(row.id, row)
    return view


def half(task_id: str, state: TaskState.ValueType) -> Task:
    """Return a task that reserves half of n1."""
    owner = service(spec=service_spec(task=task_spec(cpus=1.0)))
    return task(task_id, of=owner, on="n1", state=state)


def test_a_node_is_overfull_by_what_is_assigned_and_has_not_ended() -> None:
    fits = [half("t1", TASK_STATE_RUNNING), half("t2", TASK_STATE_ASSIGNED)]
    assert overfull(view_of(*fits, half("t3", TASK_STATE_FAILED))) == []
    assert overfull(view_of(*fits, half("t3", TASK_STATE_READY))) == ["node n1 is overfull"]


def test_a_task_that_runs_elsewhere_is_misplaced_and_a_forgotten_one_is_not() -> None:
    view = view_of(half("t1", TASK_STATE_RUNNING))
    assert misplaced(view, {"n1": frozenset({"t1"}), "n2": frozenset({"gone"})}) == []
    assert misplaced(view, {"n2": frozenset({"t1"})}) == ["task t1 of node n1 runs on n2"]


class Court:
    """Two managers' stores and their judge."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.story = Story(loop)
        self.invariants = Invariants(self.story, dict)
        ids = IdSource(random.Random(1))
        self.stores = [Store(VirtualClock(loop), ids) for _ in range(2)]
        self.machines = [
            self.invariants.watched(name, store)
            for name, store in zip(("m1", "m2"), self.stores, strict=True)
        ]


def entry(transaction_id: str, *tasks: Task) -> bytes:
    transaction = Transaction(id=transaction_id)
    for row in tasks:
        transaction.changes.add().task.CopyFrom(row)
    return transaction.SerializeToString(deterministic=True)


def judged(act: Callable[[Court], None]) -> list[str]:
    async def main(_rng: random.Random) -> list[str]:
        court = Court()
        act(court)
        return court.story.faults

    return run(main, seed=1)


def test_equal_managers_are_in_order() -> None:
    def act(court: Court) -> None:
        for machine in court.machines:
            machine.apply(1, entry("a", task("t1")))
        court.machines[1].restore(court.machines[0].as_bytes())
        court.invariants.acknowledged("m1", 1, entry("a", task("t1")))
        court.invariants.led("m1", 1)
        court.invariants.led("m1", 1)
        court.invariants.led("m2", 2)

    assert judged(act) == []


def test_two_leaders_of_one_term_are_told() -> None:
    def act(court: Court) -> None:
        court.invariants.led("m1", 3)
        court.invariants.led("m2", 3)

    assert judged(act) == ["m1 and m2 both led in term 3"]


def test_another_entry_at_the_same_index_is_told() -> None:
    def act(court: Court) -> None:
        court.machines[0].apply(1, entry("a"))
        court.machines[1].apply(1, entry("b"))

    assert "m2 applied another entry 1 than others did" in judged(act)


def test_other_bytes_at_the_same_index_are_told() -> None:
    def act(court: Court) -> None:
        court.machines[0].apply(1, entry("a", task("t1")))
        court.machines[1].apply(1, entry("a", task("t1")))
        court.stores[1].view.tasks.get("t1").slot = 7
        for machine in court.machines:
            machine.apply(2, entry("b"))

    assert judged(act) == ["m2 holds other bytes at index 2 than others do"]


def test_an_acknowledged_write_that_is_not_in_the_log_is_told() -> None:
    def act(court: Court) -> None:
        court.machines[0].apply(1, entry("a"))
        court.invariants.acknowledged("m2", 1, entry("b"))

    assert judged(act) == ["m2 acknowledged a write that is not entry 1"]


def test_a_commit_that_takes_a_task_back_is_told() -> None:
    def act(court: Court) -> None:
        court.machines[0].apply(1, entry("a", task("t1", state=TASK_STATE_RUNNING)))
        back = task("t1", state=TASK_STATE_READY)
        back.version = 1
        court.machines[0].apply(2, entry("b", back))

    assert judged(act) == ["task t1 was RUNNING and became READY (index 2)"]
