"""A node holds what its tasks need, and nothing that only other nodes need."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.manager.dispatcher.assignments import (
    Held,
    addition,
    difference,
    held_by,
    only_adds,
    whole_set,
)
from swarmpy.pb.dispatcher_pb2 import Assignment, NewestFile
from swarmpy.pb.objects_pb2 import Config, Network, NetworkAddress, Secret, Task
from swarmpy.pb.specs_pb2 import ConfigSpec, NetworkSpec, SecretSpec
from swarmpy.pb.types_pb2 import (
    FILE_CHANGE_LIVE,
    TASK_STATE_ASSIGNED,
    TASK_STATE_FAILED,
    TASK_STATE_RUNNING,
    FileReference,
    TaskState,
)
from swarmpy.store.view import View
from swarmpy.testing import builders


def view_with(*tasks: Task) -> View:
    view = View()
    view.secrets.put("x1", Secret(id="x1", spec=SecretSpec(name="key", data=b"canary")))
    view.configs.put("c1", Config(id="c1", spec=ConfigSpec(name="conf")))
    view.networks.put("n1", Network(id="n1", spec=NetworkSpec(name="net")))
    for task in tasks:
        view.tasks.put(task.id, task)
    return view


def needy(task_id: str, on: str, state: TaskState.ValueType = TASK_STATE_ASSIGNED) -> Task:
    task = builders.task(task_id, on=on, state=state)
    task.spec.containers[0].secrets.append(FileReference(id="x1", name="key"))
    task.spec.containers[0].configs.append(FileReference(id="c1", name="conf"))
    task.addresses.append(NetworkAddress(network_id="n1", address="10.0.0.2/24"))
    return task


def test_a_node_holds_what_its_tasks_refer_to() -> None:
    held = held_by("w1", view_with(needy("t1", "w1")), [])
    assert set(held) == {("tasks", "t1"), ("configs", "c1"), ("secrets", "x1"), ("networks", "n1")}


def test_a_node_without_a_task_that_needs_it_never_holds_a_secret() -> None:
    held = held_by("w2", view_with(needy("t1", "w1"), builders.task("t2", on="w2")), [])
    assert ("secrets", "x1") not in held


def test_a_secret_goes_when_the_last_task_that_needs_it_has_ended() -> None:
    before = held_by("w1", view_with(needy("t1", "w1", TASK_STATE_RUNNING)), [])
    after = held_by("w1", view_with(needy("t1", "w1", TASK_STATE_FAILED)), [])
    diff = difference(before, after, 4)
    assert diff is not None
    assert ("secrets", "x1") in {(gone.table, gone.id) for gone in diff.removed}
    assert (diff.applies_to, diff.results_in) == (4, 5)


def test_what_follows_in_place_is_given_the_newest_version_and_told_which_it_is() -> None:
    task = builders.task("t1", on="w1", state=TASK_STATE_RUNNING)
    live = FileReference(name="conf", on_change=FILE_CHANGE_LIVE)
    task.spec.containers[0].configs.append(live)
    view = view_with(task)
    before = held_by("w1", view, [])
    assert ("configs", "c1") in before
    view.configs.put("c2", Config(id="c2", spec=ConfigSpec(name="conf.2"), number=2))
    after = held_by("w1", view, [])
    diff = difference(before, after, 4)
    assert diff is not None
    assert {one.WhichOneof("item") for one in diff.changed} == {"config", "newest"}
    assert [(gone.table, gone.id) for gone in diff.removed] == [("configs", "c1")]
    newest = after["newest", "configs/conf"]
    assert isinstance(newest, NewestFile)
    assert newest.row_id == "c2"


@pytest.mark.parametrize("field", ["version", "updated_at_ms"])
def test_what_only_the_store_counts_is_no_change(field: str) -> None:
    before, after = needy("t1", "w1"), needy("t1", "w1")
    setattr(after, field, 7)
    assert difference({("tasks", "t1"): before}, {("tasks", "t1"): after}, 1) is None


def _held(numbers: dict[int, int]) -> Held:
    return {
        ("tasks", f"t{n}"): builders.task(f"t{n}", on="w1", slot=slot)
        for n, slot in numbers.items()
    }


TASKS = st.dictionaries(st.integers(0, 8), st.integers(1, 3))


@given(before=TASKS, after=TASKS)
def test_a_set_and_then_diffs_lead_to_what_is_held(
    before: dict[int, int], after: dict[int, int]
) -> None:
    agent: dict[tuple[str, str], Assignment] = {}
    for item in whole_set(_held(before), 1).items:
        agent["tasks", item.task.id] = item
    diff = difference(_held(before), _held(after), 1)
    if diff is not None:
        for item in diff.changed:
            agent["tasks", item.task.id] = item
        for gone in diff.removed:
            del agent[gone.table, gone.id]
    assert {key: item.task for key, item in agent.items()} == _held(after)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["w1", "w2"])), max_size=8),
    st.lists(st.integers(0, 9), max_size=8),
)
def test_what_is_added_task_by_task_is_what_a_node_must_hold(
    before: list[tuple[int, str]], added: list[int]
) -> None:
    tasks = {f"t{number}": needy(f"t{number}", on) for number, on in before}
    held = held_by("w1", view_with(*tasks.values()), ())
    newer = [needy(f"t{number}", "w1", TASK_STATE_RUNNING) for number in added]
    tasks.update((task.id, task) for task in newer)
    after = view_with(*tasks.values())
    told = [task.id for task in newer if ("tasks", task.id) not in held]
    assert only_adds("w1", newer)
    diff = addition(held, newer, after, 7)
    assert held == held_by("w1", after, ())
    named = [one.task.id for one in diff.changed if one.HasField("task")] if diff else []
    assert sorted(named) == sorted(set(told))


@pytest.mark.parametrize(
    "task",
    [None, needy("t", "w2"), needy("t", "w1", TASK_STATE_FAILED)],
    ids=["forgotten", "another node's", "ended"],
)
def test_a_task_that_takes_something_away_is_no_addition(task: Task | None) -> None:
    assert not only_adds("w1", [task])
