"""A stateful service has its slots filled in order, each by one task at a time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from swarmpy.core.ordinals import ORDINAL, TASK_NAME, wanted_slots
from swarmpy.core.task_life import is_live, keeps_slot, wants_to_run
from swarmpy.core.validate import validate_service
from swarmpy.errors import InvalidInput
from swarmpy.pb.objects_pb2 import Task
from swarmpy.pb.specs_pb2 import ServiceSpec
from swarmpy.pb.types_pb2 import (
    AVAILABILITY_ACTIVE,
    AVAILABILITY_DRAIN,
    FAILURE_ACTION_CONTINUE,
    FAILURE_ACTION_ROLLBACK,
    NODE_STATE_READY,
    RESTART_CONDITION_NONE,
    TASK_STATE_RUNNING,
    TASK_STATE_STARTING,
    UPDATE_ORDER_START_FIRST,
    UpdateConfig,
)
from swarmpy.testing.builders import stateful_spec, task_spec
from tests.core.toy_world import ToyWorld, exits

DAY_MS = 24 * 3600 * 1000


def one_of_each_name(world: ToyWorld) -> None:
    """At no moment do two tasks of one name run, nodes that are down included."""
    names = [
        task.name
        for task in world.view.tasks
        if TASK_STATE_STARTING <= task.status.state <= TASK_STATE_RUNNING
    ]
    assert len(names) == len(set(names)), sorted(names)


def lowest_first(world: ToyWorld) -> None:
    """Whoever runs for the first time does so while all before it run."""
    up = sorted(t.slot for t in world.view.tasks if t.status.state == TASK_STATE_RUNNING)
    assert up == list(range(1, len(up) + 1))


def db(image: str = "db:1", **mode: Any) -> ServiceSpec:
    spec = stateful_spec("db", task=task_spec(image), **mode)
    spec.update.CopyFrom(UpdateConfig(parallelism=1, monitor_s=1.0))
    return spec


def names(world: ToyWorld) -> list[str]:
    return sorted(task.name for task in world.running())


def order_made(tasks: list[Task], image: str) -> list[str]:
    of_image = [task for task in tasks if task.spec.containers[0].image == image]
    return [task.name for task in sorted(of_image, key=lambda task: task.created_at_ms)]


def test_tasks_have_names_hostnames_and_an_environment_that_tells_them() -> None:
    world = ToyWorld(watch=one_of_each_name)
    spec = db(replicas=2, first_ordinal=5)
    spec.stateful.hostname = "store"
    world.deploy(spec)
    world.settle()
    assert names(world) == ["db-5", "db-6"]
    first = next(task for task in world.running() if task.name == "db-5")
    assert first.hostname == "store-5"
    assert first.environment[ORDINAL] == "5"
    assert first.environment[TASK_NAME] == "db-5"


def test_slots_are_filled_one_after_the_other_once_those_before_are_ready() -> None:
    world = ToyWorld(watch=lowest_first)
    world.deploy(db(replicas=4))
    world.settle()
    assert names(world) == ["db-0", "db-1", "db-2", "db-3"]


def test_a_first_task_that_never_gets_ready_holds_up_all_others() -> None:
    world = ToyWorld(never_placed={"db:1"})
    world.deploy(db(replicas=3))
    world.settle(60_000)
    assert [task.name for task in world.holders()] == ["db-0"]


def test_a_parallel_one_fills_all_slots_at_once() -> None:
    world = ToyWorld(never_placed={"db:1"})
    world.deploy(db(replicas=3, parallel=True))
    world.settle(60_000)
    assert [task.name for task in world.holders()] == ["db-0", "db-1", "db-2"]


def test_scaling_down_takes_the_highest_and_only_one_at_a_time() -> None:
    stopping: list[int] = []

    def watch(world: ToyWorld) -> None:
        one_of_each_name(world)
        leaving = [t.slot for t in world.view.tasks if is_live(t) and not keeps_slot(t)]
        assert len(leaving) <= 1
        stopping.extend(slot for slot in leaving if slot not in stopping)

    world = ToyWorld(watch=watch)
    world.deploy(db(replicas=5))
    world.settle()
    world.deploy(db(replicas=2))
    world.settle()
    assert names(world) == ["db-0", "db-1"]
    assert stopping == [5, 4, 3]
    assert len(world.tasks()) == 2, "what was scaled away is forgotten"


def test_another_first_ordinal_moves_the_range() -> None:
    world = ToyWorld(watch=one_of_each_name)
    world.deploy(db(replicas=2))
    world.settle()
    world.deploy(db(replicas=2, first_ordinal=1))
    world.settle()
    assert names(world) == ["db-1", "db-2"]


def test_a_killed_task_comes_back_under_its_name() -> None:
    world = ToyWorld(watch=one_of_each_name)
    world.deploy(db(replicas=3))
    world.settle()
    killed = next(task for task in world.running() if task.name == "db-1")
    world.kill(killed)
    world.settle(1000)
    assert names(world) == ["db-0", "db-1", "db-2"]
    again = next(task for task in world.running() if task.name == "db-1")
    assert (again.id != killed.id, again.hostname) == (True, "db-1")


def test_what_a_silent_node_runs_is_not_run_elsewhere_until_it_is_known_to_have_ended() -> None:
    world = ToyWorld(node_count=3, watch=one_of_each_name)
    world.deploy(db(replicas=3))
    world.settle()
    away = next(task for task in world.running() if task.name == "db-1")
    world.crash(away.node_id)
    world.settle(3_600_000)
    assert "db-1" not in names(world)
    world.revive(away.node_id)
    world.settle()
    assert names(world) == ["db-0", "db-1", "db-2"]


def test_a_node_that_is_removed_or_silent_for_a_day_is_waited_for_no_longer() -> None:
    for removes in (True, False):
        world = ToyWorld(node_count=3)
        world.deploy(db(replicas=3))
        world.settle()
        away = next(task for task in world.running() if task.name == "db-1")
        world.crash(away.node_id)
        world.settle(1000)
        assert "db-1" not in names(world)
        if removes:
            with world.change() as tx:
                tx.nodes.delete(away.node_id)
        world.settle(1000 if removes else DAY_MS + 1000)
        assert names(world) == ["db-0", "db-1", "db-2"]


def test_a_replacement_that_cannot_run_either_is_replaced_and_that_one_waits_too() -> None:
    world = ToyWorld(node_count=3, watch=one_of_each_name)
    world.deploy(db(replicas=2))
    world.settle()
    away = next(task for task in world.running() if task.name == "db-0")
    world.crash(away.node_id)
    world.settle(1000)
    waiting = next(task for task in world.holders() if task.name == "db-0")
    assert waiting.node_id != away.node_id
    world.kill(waiting)
    world.settle(60_000)
    assert names(world) == ["db-1"]
    world.crash(next(task for task in world.holders() if task.name == "db-0").node_id)
    world.revive(away.node_id)
    world.settle()
    assert "db-0" in names(world)


def test_scaled_down_and_up_while_a_node_is_silent_still_runs_one_of_each_name() -> None:
    world = ToyWorld(node_count=3, watch=one_of_each_name)
    world.deploy(db(replicas=3))
    world.settle()
    away = next(task for task in world.running() if task.name == "db-2")
    world.crash(away.node_id)
    world.deploy(db(replicas=2))
    world.settle(60_000)
    world.deploy(db(replicas=3))
    world.settle(60_000)
    assert names(world) == ["db-0", "db-1"]
    world.revive(away.node_id)
    world.settle()
    assert names(world) == ["db-0", "db-1", "db-2"]


def test_a_removed_service_waits_for_a_silent_node_so_that_its_name_is_not_used_again() -> None:
    world = ToyWorld(node_count=2)
    world.deploy(db(replicas=2))
    world.settle()
    world.crash("n1")
    world.remove()
    world.settle(60_000)
    assert [task.node_id for task in world.tasks()] == ["n1"]
    world.revive("n1")
    world.settle()
    assert not list(world.view.services)


def test_updates_go_from_the_highest_ordinal_down_one_at_a_time() -> None:
    world = ToyWorld(watch=one_of_each_name)
    world.deploy(db(replicas=3))
    world.settle()
    world.deploy(db("db:2", replicas=3))
    world.settle()
    assert order_made(world.tasks(), "db:2") == ["db-2", "db-1", "db-0"]
    assert world.images() == ["db:2"] * 3
    assert world.told() == ["RolloutCompleted"]


def test_updates_by_a_budget_keep_the_order_and_the_names_alone() -> None:
    world = ToyWorld(watch=one_of_each_name)
    first, second = db(replicas=4), db("db:2", replicas=4)
    second.update.max_unavailable.count = 2
    world.deploy(first)
    world.settle()
    world.deploy(second)
    world.settle()
    made = order_made(world.tasks(), "db:2")
    assert [sorted(made[:2]), sorted(made[2:])] == [["db-2", "db-3"], ["db-0", "db-1"]]


def test_a_broken_name_does_not_use_up_the_budget_that_would_mend_it() -> None:
    world = ToyWorld(watch=one_of_each_name)
    first, second = db(replicas=3), db("db:2", replicas=3)
    first.task.restart.condition = second.task.restart.condition = RESTART_CONDITION_NONE
    second.update.max_unavailable.count = 1
    world.deploy(first)
    world.settle()
    world.kill(next(task for task in world.running() if task.name == "db-0"))
    world.settle(1000)
    world.deploy(second)
    world.settle()
    assert world.images() == ["db:2"] * 3


def test_a_partition_keeps_updates_from_lower_ordinals_until_it_is_lowered() -> None:
    world = ToyWorld(watch=one_of_each_name)
    world.deploy(db(replicas=4))
    world.settle()
    world.deploy(db("db:2", replicas=4, partition=2))
    world.settle()
    assert world.images() == ["db:1", "db:1", "db:2", "db:2"]
    world.kill(next(task for task in world.running() if task.name == "db-0"))
    world.settle()
    assert world.images() == ["db:1", "db:1", "db:2", "db:2"], "also what is made anew"
    world.deploy(db("db:2", replicas=4))
    world.settle()
    assert world.images() == ["db:2"] * 4


def test_an_update_that_fails_goes_back_and_only_one_name_was_ever_away() -> None:
    def watch(world: ToyWorld) -> None:
        one_of_each_name(world)
        away = [t.name for t in world.view.tasks if is_live(t) and not keeps_slot(t)]
        assert len(away) <= 1

    world = ToyWorld(fates={"db:bad": exits(100)})
    spec, bad = db(replicas=3), db("db:bad", replicas=3)
    bad.update.failure_action = FAILURE_ACTION_ROLLBACK
    world.deploy(spec)
    world.settle()
    world.watch = watch
    world.deploy(bad)
    world.settle()
    assert world.images() == ["db:1"] * 3
    assert {"RollingBack", "RolledBack"} <= set(world.told())


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda spec: setattr(spec.update, "order", UPDATE_ORDER_START_FIRST), "update.order"),
        (lambda spec: setattr(spec.rollback, "order", UPDATE_ORDER_START_FIRST), "rollback.order"),
        (lambda spec: setattr(spec.update.max_surge, "count", 1), "update.max_surge"),
        (lambda spec: setattr(spec.stateful, "replicas", 10_001), "stateful.replicas"),
        (lambda spec: setattr(spec.stateful, "first_ordinal", 99_999), "stateful.first_ordinal"),
        (lambda spec: setattr(spec.stateful, "hostname", "a b"), "stateful.hostname"),
        (lambda spec: setattr(spec, "name", "d" * 60), "stateful.hostname"),
        (lambda spec: setattr(spec.autoscale, "max_replicas", 3), "autoscale"),
    ],
    ids=["start-first", "back start-first", "surge", "size", "first", "host", "long", "autoscale"],
)
def test_what_would_break_a_promise_is_refused_with_its_field(change: Any, field: str) -> None:
    spec = db()
    change(spec)
    with pytest.raises(InvalidInput, match=field):
        validate_service(spec)


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("scale"), st.integers(0, 4)),
        st.tuples(st.just("update"), st.integers(1, 3)),
        st.tuples(st.just("first"), st.integers(0, 2)),
        st.tuples(st.just("crash"), st.integers(1, 3)),
        st.tuples(st.just("revive"), st.integers(1, 3)),
        st.tuples(st.just("drain"), st.integers(1, 3)),
        st.tuples(st.just("kill"), st.integers(0, 3)),
        st.tuples(st.just("wait"), st.sampled_from([1, 100, 300, 2000])),
    ),
    max_size=12,
)


@given(acts=ACTS, parallel=st.booleans(), partition=st.integers(0, 2))
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_happens_each_name_runs_at_most_once_and_all_run_in_the_end(
    acts: list[tuple[str, int]], parallel: bool, partition: int
) -> None:
    world = ToyWorld(node_count=3, watch=one_of_each_name)
    spec = db(replicas=3, parallel=parallel, partition=partition)
    spec.update.failure_action = FAILURE_ACTION_CONTINUE
    world.deploy(spec)
    world.settle(5000)
    for act, value in acts:
        _do(world, spec, act, value)
    for node_id in ("n1", "n2", "n3"):
        with world.node(node_id) as row:
            row.status.state = NODE_STATE_READY
            row.spec.availability = AVAILABILITY_ACTIVE
    world.settle()
    assert [task.slot for task in sorted(world.running(), key=lambda t: t.slot)] == list(
        wanted_slots(world.service())
    )
    assert all(wants_to_run(task) for task in world.holders())
    assert not world.decide()
    above = [t for t in world.running() if t.slot - 1 >= partition]
    assert {t.spec.containers[0].image for t in above} <= {spec.task.containers[0].image}


def _do(world: ToyWorld, spec: ServiceSpec, act: str, value: int) -> None:
    match act:
        case "scale":
            spec.stateful.replicas = value
            world.deploy(spec)
        case "first":
            spec.stateful.first_ordinal = value
            world.deploy(spec)
        case "update":
            spec.task.containers[0].image = f"db:{value}"
            world.deploy(spec)
        case "crash":
            world.crash(f"n{value}")
        case "revive":
            world.revive(f"n{value}")
        case "drain":
            with world.node(f"n{value}") as row:
                row.spec.availability = AVAILABILITY_DRAIN
        case "kill":
            running = world.running()
            if running:
                world.kill(running[value % len(running)])
        case _:
            world.settle(value)
