"""All the loops together on a toy swarm: whatever happens, what is wanted runs in the end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from swarmpy.core.slots import held_slots
from swarmpy.core.task_life import is_live, wants_to_run
from swarmpy.pb.specs_pb2 import DEPENDENCY_CONDITION_COMPLETED, Dependency, ServiceSpec
from swarmpy.pb.types_pb2 import (
    AVAILABILITY_ACTIVE,
    AVAILABILITY_DRAIN,
    AVAILABILITY_PAUSE,
    FAILURE_ACTION_CONTINUE,
    NODE_STATE_READY,
    RESTART_CONDITION_NONE,
    UPDATE_ORDER_START_FIRST,
    UPDATE_ORDER_STOP_FIRST,
)
from swarmpy.testing.builders import service_spec, task_spec
from tests.core.toy_world import ToyWorld, exits


def web(image: str = "web:1", replicas: int | None = 3) -> ServiceSpec:
    return service_spec("web", replicas=replicas, task=task_spec(image))


def assert_in_order(world: ToyWorld, wanted: int) -> None:
    """Exactly one live task in each of `wanted` slots, nothing left to decide."""
    assert len(world.running()) == wanted
    held = held_slots(world.tasks())
    assert len(held) == wanted
    assert all(len(slot.holders) == 1 for slot in held.values())
    assert not world.decide()


def test_a_service_gets_its_tasks_scales_and_goes() -> None:
    world = ToyWorld()
    world.deploy(web(replicas=3))
    world.settle()
    assert_in_order(world, 3)
    assert [task.slot for task in world.running()] == [1, 2, 3]

    world.deploy(web(replicas=5))
    world.settle()
    assert_in_order(world, 5)

    world.deploy(web(replicas=1))
    world.settle()
    assert_in_order(world, 1)
    assert len(world.tasks()) == 1, "what was scaled away is forgotten"

    world.remove()
    world.settle()
    assert not list(world.view.services)
    assert not list(world.view.tasks)


def test_a_killed_task_is_replaced_a_quarter_of_a_second_later() -> None:
    world = ToyWorld()
    world.deploy(web())
    world.settle()
    killed = world.running()[0]
    world.kill(killed)
    before_ms = world.clock.now_ms
    world.settle(1000)
    assert_in_order(world, 3)
    replacement = max(world.running(), key=lambda task: task.created_at_ms)
    assert replacement.slot == killed.slot
    assert replacement.status.started_at_ms - before_ms == 250
    assert world.told() == ["TaskFailed"]


def test_tasks_of_a_dead_node_run_elsewhere_at_once() -> None:
    world = ToyWorld(node_count=3)
    world.deploy(web(replicas=6))
    world.settle()
    world.crash("n1")
    world.settle(1)
    assert_in_order(world, 6)
    assert {task.node_id for task in world.running()} == {"n2", "n3"}
    assert world.told() == ["TasksMoved"]

    world.revive("n1")
    world.settle()
    assert_in_order(world, 6)
    assert not [task for task in world.view.tasks.by("node_id", "n1") if is_live(task)]


def test_tasks_of_a_node_that_stays_away_are_given_up_after_a_day() -> None:
    world = ToyWorld(node_count=2)
    world.deploy(web(replicas=2))
    world.settle()
    world.crash("n1")
    world.settle(24 * 3600 * 1000 - 1)
    assert [task for task in world.view.tasks.by("node_id", "n1") if is_live(task)]
    world.settle(10)
    assert not [task for task in world.view.tasks.by("node_id", "n1") if is_live(task)]


def test_a_removed_service_goes_though_one_of_its_nodes_is_down() -> None:
    world = ToyWorld(node_count=2)
    world.deploy(web(replicas=4))
    world.settle()
    world.crash("n1")
    world.remove()
    world.settle(10_000)
    assert not list(world.view.services)
    assert not list(world.view.tasks)


def test_a_global_service_runs_once_on_every_node_that_may_have_it() -> None:
    world = ToyWorld(node_count=3)
    world.deploy(web(replicas=None))
    world.settle()
    assert sorted(task.node_id for task in world.running()) == ["n1", "n2", "n3"]

    with world.node("n1") as row:
        row.spec.availability = AVAILABILITY_PAUSE
    with world.node("n2") as row:
        row.spec.availability = AVAILABILITY_DRAIN
    world.crash("n3")
    world.settle()
    assert [task.node_id for task in world.running()] == ["n1"], "a paused node keeps its task"

    for node_id in ("n1", "n2", "n3"):
        with world.node(node_id) as row:
            row.spec.availability = AVAILABILITY_ACTIVE
    world.revive("n3")
    world.settle()
    assert_in_order(world, 3)


def test_a_paused_node_gets_no_new_global_task() -> None:
    world = ToyWorld(node_count=2)
    with world.node("n1") as row:
        row.spec.availability = AVAILABILITY_PAUSE
    world.deploy(web(replicas=None))
    world.settle()
    assert [task.node_id for task in world.running()] == ["n2"]


def test_on_a_node_that_comes_back_the_old_global_task_stops_before_the_new_one_starts() -> None:
    world = ToyWorld(node_count=1)
    world.deploy(web(replicas=None))
    world.settle()
    world.crash("n1")
    world.settle(30_000)
    world.revive("n1")
    world.settle(10_000)
    old, new = world.tasks()
    assert old.status.since_ms == new.status.started_at_ms
    assert new.status.started_at_ms < world.clock.now_ms - 9000, "and is not kept waiting"


def test_a_constraint_that_a_node_stops_meeting_moves_its_tasks() -> None:
    world = ToyWorld(node_count=2)
    for node_id in ("n1", "n2"):
        with world.node(node_id) as row:
            row.spec.labels["disk"] = "ssd"
    spec = service_spec(
        "db", replicas=2, task=task_spec("db:1", constraints=["node.labels.disk==ssd"])
    )
    world.deploy(spec)
    world.settle()
    with world.node("n1") as row:
        row.spec.labels["disk"] = "hdd"
    world.settle()
    assert_in_order(world, 2)
    assert {task.node_id for task in world.running()} == {"n2"}


def test_a_service_waits_for_what_it_depends_on() -> None:
    world = ToyWorld(fates={"migrate:1": exits(5000, code=0)})
    app = web()
    app.depends_on.extend([Dependency(service="db"), Dependency(service="migrate")])
    world.deploy(app, "s1")
    world.settle()
    assert not world.tasks("s1"), "nothing is named db yet"

    migrate = service_spec("migrate", task=task_spec("migrate:1"))
    migrate.replicated_job.completions = 1
    world.deploy(migrate, "s2")
    world.deploy(service_spec("db", replicas=1, task=task_spec("db:1")), "s3")
    world.settle(4000)
    assert world.running("s3")
    assert not world.tasks("s1"), "the job has not completed"
    world.settle(4000)
    assert len(world.running("s1")) == 3

    with world.change() as tx, tx.services.edit("s3") as row:
        row.spec.replicated.replicas = 0
        row.removing = True
    app.replicated.replicas = 4
    world.deploy(app, "s1")
    world.settle(1000)
    assert len(world.running("s1")) == 4, "only the beginning waits"


def test_a_crashing_task_never_loops_without_back_off() -> None:
    world = ToyWorld(fates={"web:1": exits(10)})
    world.deploy(web(replicas=1))
    world.settle(3_600_000)
    doubling, every_five_minutes = 11, 1 + (3600 - 511) // 300
    assert world.told().count("TaskFailed") == doubling + every_five_minutes
    assert len(world.tasks()) <= 13, "history has an end"


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("scale"), st.integers(0, 6)),
        st.tuples(st.just("update"), st.sampled_from(["web:1", "web:2", "web:3"])),
        st.tuples(st.just("crash"), st.sampled_from(["n1", "n2"])),
        st.tuples(st.just("revive"), st.sampled_from(["n1", "n2"])),
        st.tuples(st.just("drain"), st.sampled_from(["n1", "n2"])),
        st.tuples(st.just("activate"), st.sampled_from(["n1", "n2"])),
        st.tuples(st.just("kill"), st.integers(0, 9)),
        st.tuples(st.just("wait"), st.sampled_from([0, 100, 700, 5000])),
        st.tuples(
            st.just("order"),
            st.sampled_from([UPDATE_ORDER_STOP_FIRST, UPDATE_ORDER_START_FIRST]),
        ),
    ),
    max_size=14,
)


@pytest.mark.parametrize("is_global", [False, True], ids=["replicated", "global"])
@given(events=EVENTS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_happens_what_is_wanted_runs_in_the_end(
    is_global: bool, events: list[tuple[str, Any]]
) -> None:
    world = ToyWorld(node_count=3)
    spec = web(replicas=None if is_global else 3)
    spec.update.failure_action = FAILURE_ACTION_CONTINUE
    world.deploy(spec)
    for kind, value in events:
        happen(world, spec, kind, value)
    world.settle()
    hosts = [
        row
        for row in world.view.nodes
        if row.status.state == NODE_STATE_READY and row.spec.availability != AVAILABILITY_DRAIN
    ]
    assert_in_order(world, len(hosts) if is_global else spec.replicated.replicas)
    assert set(world.images()) <= {spec.task.containers[0].image}
    assert all(wants_to_run(task) for task in world.holders())


def happen(world: ToyWorld, spec: ServiceSpec, kind: str, value: Any) -> None:
    match kind:
        case "scale":
            if spec.WhichOneof("mode") == "replicated":
                spec.replicated.replicas = value
        case "update":
            spec.task.containers[0].image = value
        case "order":
            spec.update.parallelism = 2
            spec.update.order = value
        case "kill":
            if running := world.running():
                world.kill(running[value % len(running)])
        case "wait":
            world.settle(value)
        case _:
            happen_to_node(world, value, kind)
    world.deploy(spec)


def happen_to_node(world: ToyWorld, node_id: str, kind: str) -> None:
    match kind:
        case "crash":
            world.crash(node_id)
        case "revive":
            world.revive(node_id)
        case "drain":
            with world.node(node_id) as row:
                row.spec.availability = AVAILABILITY_DRAIN
        case "activate":
            with world.node(node_id) as row:
                row.spec.availability = AVAILABILITY_ACTIVE
        case _:
            raise AssertionError(kind)


def test_a_service_waits_for_one_that_runs_to_its_end_and_is_no_job() -> None:
    world = ToyWorld(fates={"migrate:1": exits(5000, code=0)})
    app = web()
    app.depends_on.add(service="migrate", condition=DEPENDENCY_CONDITION_COMPLETED)
    migrate = service_spec("migrate", task=task_spec("migrate:1"))
    migrate.task.restart.condition = RESTART_CONDITION_NONE
    world.deploy(app, "s1")
    world.deploy(migrate, "s2")
    world.settle(4000)
    assert not world.tasks("s1")
    world.settle(4000)
    assert len(world.running("s1")) == 3


def test_a_drain_never_takes_more_than_the_budget_allows() -> None:
    world = ToyWorld(node_count=3)
    spec = web(replicas=9)
    spec.disruption.max_unavailable.count = 2
    world.deploy(spec)
    world.settle()
    fewest = []
    world.watch = lambda world: fewest.append(len(world.running()))
    with world.node("n1") as node:
        node.spec.availability = AVAILABILITY_DRAIN
    world.settle()
    assert_in_order(world, 9)
    assert not [task for task in world.running() if task.node_id == "n1"]
    assert min(fewest) == 7
