"""Tasks of a stateful service have names, come and go in order, and never run twice."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from swarmpy.core.actions import CreateTask, Decision, SetDesiredState
from swarmpy.core.handover import UNTIL_THEY_END_MS
from swarmpy.core.slots import held_slots
from swarmpy.core.stateful import reconcile
from swarmpy.core.task_life import has_node, is_ended
from swarmpy.pb.objects_pb2 import Service, Task
from swarmpy.pb.specs_pb2 import ServiceSpec
from swarmpy.pb.types_pb2 import (
    AVAILABILITY_ACTIVE,
    AVAILABILITY_DRAIN,
    FAILURE_ACTION_CONTINUE,
    TASK_STATE_READY,
    TASK_STATE_REMOVE,
    TASK_STATE_RUNNING,
    TASK_STATE_SHUTDOWN,
    TASK_STATE_STARTING,
    UpdateConfig,
)
from swarmpy.testing.builders import node, service, service_spec, task, task_spec
from tests.core.pick import pick
from tests.core.toy_world import ToyWorld, exits

NOW_MS = 1_000_000
NODES = {node_id: node(node_id) for node_id in ("n1", "n2", "n3")}


def db(replicas: int = 3, image: str = "db:1", *, parallel: bool = False) -> ServiceSpec:
    spec = service_spec("db", replicas=replicas, task=task_spec(image))
    spec.stateful.parallel = parallel
    spec.stateful.SetInParent()
    spec.update.CopyFrom(UpdateConfig(parallelism=1, failure_action=FAILURE_ACTION_CONTINUE))
    return spec


def running(slot: int, **fields: object) -> Task:
    wanted = {"on": "n1", "state": TASK_STATE_RUNNING, **fields}
    return task(f"t{slot}", slot=slot, **wanted)  # type: ignore[arg-type]


def decided(spec: ServiceSpec, *tasks: Task) -> Decision:
    return reconcile(service(spec=spec), tasks, NODES, NOW_MS)


def created(decision: Decision) -> list[int]:
    return [a.task.slot for a in pick(decision, CreateTask)]


def removed(decision: Decision) -> set[str]:
    return {a.task_id for a in pick(decision, SetDesiredState) if a.state == TASK_STATE_REMOVE}


# --- in order


@pytest.mark.parametrize(
    ("present", "made"),
    [
        ([], [1]),
        ([running(1)], [2]),
        ([running(1, state=TASK_STATE_STARTING)], []),
        ([running(1), running(3)], [2]),
        ([running(1), running(2), running(3)], []),
    ],
    ids=["the first", "the next", "the first is not ready", "a hole", "all are there"],
)
def test_a_slot_is_filled_when_those_below_it_serve(present: list[Task], made: list[int]) -> None:
    assert created(decided(db(), *present)) == made


def test_all_slots_of_a_parallel_service_are_filled_at_once() -> None:
    assert created(decided(db(parallel=True))) == [1, 2, 3]


@pytest.mark.parametrize(
    ("parallel", "leaving"), [(False, {"t3"}), (True, {"t2", "t3"})], ids=["in order", "parallel"]
)
def test_the_highest_slot_goes_first(parallel: bool, leaving: set[str]) -> None:
    tasks = [running(1), running(2), running(3)]
    assert removed(decided(db(1, parallel=parallel), *tasks)) == leaving


def test_the_next_one_goes_when_nothing_of_the_highest_may_run() -> None:
    stopping = running(3, desired=TASK_STATE_REMOVE)
    assert removed(decided(db(1), running(1), running(2), stopping)) == set()
    ended = running(3, desired=TASK_STATE_REMOVE, state=TASK_STATE_SHUTDOWN)
    assert removed(decided(db(1), running(1), running(2), ended)) == {"t2"}


# --- names


def test_a_task_is_called_by_its_ordinal_and_told_it() -> None:
    spec = db(parallel=True)
    spec.stateful.first_ordinal = 5
    made = [a.task for a in pick(decided(spec), CreateTask)]
    assert [one.name for one in made] == ["db-5", "db-6", "db-7"]
    assert [one.environment["SWARMPY_ORDINAL"] for one in made] == ["5", "6", "7"]


def test_names_stay_when_tasks_are_replaced() -> None:
    world = world_of(db())
    for one in world.running("s1"):
        world.kill(one)
    world.settle()
    assert [one.name for one in world.running()] == ["db-0", "db-1", "db-2"]


# --- at most one


def test_a_task_waits_until_what_was_in_its_slot_is_known_to_have_ended() -> None:
    stopping = running(1, desired=TASK_STATE_REMOVE)
    [made] = pick(decided(db(1), stopping), CreateTask)
    assert made.task.stop_first
    assert made.task.start_after_ms == UNTIL_THEY_END_MS


def test_a_task_on_a_node_that_is_down_is_not_replaced() -> None:
    world = world_of(db())
    lost = next(one for one in world.running() if one.name == "db-1")
    world.crash(lost.node_id)
    world.settle()
    assert [one.name for one in world.running()] == ["db-0", "db-2"]
    world.revive(lost.node_id)
    world.settle()
    assert lost.id in {one.id for one in world.running()}, "it ran on all the time"


def test_a_task_on_a_node_that_was_removed_is_replaced() -> None:
    world = world_of(db())
    lost = world.running()[0]
    world.crash(lost.node_id)
    with world.change() as tx:
        tx.nodes.delete(lost.node_id)
    world.settle()
    assert sorted(one.name for one in world.running()) == ["db-0", "db-1", "db-2"]
    assert lost.node_id not in {one.node_id for one in world.running()}


def test_an_update_goes_from_the_highest_down_one_at_a_time() -> None:
    world = world_of(db())
    seen: list[tuple[str, ...]] = []
    world.watch = lambda world: seen.append(tuple(world.images()))
    world.deploy(db(image="db:2"))
    world.settle()
    steps = [images for images in dict.fromkeys(seen) if len(images) == 3]
    assert steps == [
        ("db:1", "db:1", "db:1"),
        ("db:1", "db:1", "db:2"),
        ("db:1", "db:2", "db:2"),
        ("db:2", "db:2", "db:2"),
    ]


def test_an_update_leaves_what_is_below_the_partition_alone() -> None:
    world = world_of(db())
    spec = db(image="db:2")
    spec.stateful.partition = 2
    world.deploy(spec)
    world.settle()
    assert world.images() == ["db:1", "db:1", "db:2"]
    world.kill(world.running()[0])
    world.settle()
    assert world.images() == ["db:1", "db:1", "db:2"], "and so does a restart"


# --- whatever happens


def world_of(spec: ServiceSpec) -> ToyWorld:
    world = ToyWorld(node_count=3, fates={"db:bad": exits(0)}, watch=at_most_one_runs)
    world.deploy(spec)
    world.settle()
    return world


def at_most_one_runs(world: ToyWorld) -> None:
    may_run = Counter(
        one.slot
        for one in world.view.tasks
        if has_node(one)
        and not is_ended(one)
        and (one.status.state > TASK_STATE_READY or one.start_after_ms <= world.clock.now_ms)
    )
    assert all(count == 1 for count in may_run.values()), may_run


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["kill", "crash", "revive", "drain", "active", "scale", "update", "wait"]),
        st.integers(0, 3),
    ),
    max_size=8,
)


@given(STEPS, st.booleans())
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_at_most_one_task_of_a_slot_runs_and_all_run_in_the_end(
    steps: list[tuple[str, int]], parallel: bool
) -> None:
    world = world_of(db(parallel=parallel))
    replicas, image = 3, "db:1"
    for what, number in steps:
        happen(world, what, number)
        if what == "scale":
            replicas = number
        if what == "update":
            image = f"db:{number}"
        world.deploy(db(replicas, image, parallel=parallel))
        world.settle(for_ms=number * 100)
    for node_id in ("n1", "n2", "n3"):
        world.revive(node_id)
        happen(world, "active", int(node_id[1]) - 1)
    world.settle()
    assert world.images() == [image] * replicas
    held = held_slots(world.tasks())
    assert len(held) == replicas
    assert all(len(slot.holders) == 1 for slot in held.values())


def happen(world: ToyWorld, what: str, number: int) -> None:
    node_id = f"n{number % 3 + 1}"
    match what:
        case "kill":
            for one in world.running()[:number]:
                world.kill(one)
        case "crash":
            world.crash(node_id)
        case "revive":
            world.revive(node_id)
        case "drain" | "active":
            with world.node(node_id) as row:
                is_drained = what == "drain"
                row.spec.availability = AVAILABILITY_DRAIN if is_drained else AVAILABILITY_ACTIVE
        case _:
            pass  # done by its caller


def test_a_removed_service_leaves_nothing() -> None:
    world = world_of(db())
    world.remove()
    world.settle()
    assert not list(world.view.tasks)


def test_nothing_is_made_for_a_service_that_is_as_it_should_be() -> None:
    owner: Service = service(spec=db(1))
    assert not reconcile(owner, [running(1)], NODES, NOW_MS).actions
