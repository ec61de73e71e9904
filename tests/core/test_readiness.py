"""What a task that runs and is not ready is good for: nothing but to be waited for."""

from __future__ import annotations

import math

import pytest

from swarmpy.client.slots import slots_of
from swarmpy.core.dependencies import is_news, unmet
from swarmpy.core.heard import endpoint_of
from swarmpy.core.routing import load_balancer
from swarmpy.core.task_life import readiness_since_ms
from swarmpy.pb.objects_pb2 import (
    ROLLOUT_STATE_COMPLETED,
    ROLLOUT_STATE_PAUSED,
    ROLLOUT_STATE_ROLLED_BACK,
    Task,
)
from swarmpy.pb.specs_pb2 import (
    DEPENDENCY_CONDITION_HEALTHY,
    DEPENDENCY_CONDITION_STARTED,
    DependencyCondition,
    ServiceSpec,
)
from swarmpy.pb.types_pb2 import (
    CONTAINER_STATE_ENDED,
    FAILURE_ACTION_ROLLBACK,
    TASK_STATE_RUNNING,
    UPDATE_ORDER_START_FIRST,
    PortBinding,
    PortConfig,
    UpdateConfig,
)
from swarmpy.testing.builders import node, service, service_spec, task_spec
from swarmpy.testing.builders import task as made
from tests.core.ready_world import ReadyWorld
from tests.core.toy_world import STOP_MS, ToyWorld

MONITOR_MS = 1000


def deployed(
    replicas: int = 3, *, ready_after_ms: float = 0, **update: object
) -> tuple[ReadyWorld, ServiceSpec]:
    """Return a world where web:1 runs and is ready, and the spec that asks for web:2."""
    world = ReadyWorld(ready_after_ms={"web:2": ready_after_ms})
    spec = service_spec("web", replicas=replicas, task=task_spec("web:1"))
    spec.update.CopyFrom(
        UpdateConfig(**{"parallelism": 1, "monitor_s": MONITOR_MS / 1000, **update})  # type: ignore[arg-type]
    )
    world.deploy(spec)
    world.settle(10_000)
    spec.task.containers[0].image = "web:2"
    return world, spec


class Least:
    """Remembers the fewest tasks that served at any time."""

    def __init__(self) -> None:
        self.ready = 1_000

    def __call__(self, world: ToyWorld) -> None:
        assert isinstance(world, ReadyWorld)
        self.ready = min(self.ready, world.ready())


@pytest.mark.parametrize("ready_after_ms", [0, 700, 30_000])
def test_a_batch_is_not_over_until_its_tasks_are_ready_and_have_stayed_so(
    ready_after_ms: int,
) -> None:
    world, spec = deployed(3, ready_after_ms=ready_after_ms)
    world.watch = least = Least()
    started_ms = world.clock.now_ms
    world.deploy(spec)
    world.settle()
    rollout = world.service().rollout
    assert rollout.state == ROLLOUT_STATE_COMPLETED
    assert rollout.completed_at_ms - started_ms == 3 * (STOP_MS + ready_after_ms + MONITOR_MS)
    assert least.ready == 2, "one at a time, and none while the one before it is not ready"


def test_start_first_keeps_the_old_task_until_the_new_one_is_ready() -> None:
    world, spec = deployed(2, ready_after_ms=5000, order=UPDATE_ORDER_START_FIRST)
    world.watch = least = Least()
    world.deploy(spec)
    world.settle()
    assert world.images() == ["web:2", "web:2"]
    assert least.ready == 2


def test_a_version_that_is_never_ready_costs_one_task_and_is_rolled_back() -> None:
    world, spec = deployed(
        3,
        ready_after_ms=math.inf,
        failure_action=FAILURE_ACTION_ROLLBACK,
        progress_deadline_s=60,
    )
    world.watch = least = Least()
    world.deploy(spec)
    world.settle()
    assert world.service().rollout.state == ROLLOUT_STATE_ROLLED_BACK
    assert world.images() == ["web:1"] * 3
    assert least.ready == 2


def test_a_task_that_loses_its_readiness_has_to_prove_itself_anew() -> None:
    world, spec = deployed(1, ready_after_ms=0)
    world.deploy(spec)
    world.settle(STOP_MS + MONITOR_MS // 2)
    (new,) = world.running()
    world.say_ready(new, ready=False)
    world.ready_after_ms["web:2"] = math.inf
    world.settle(10 * MONITOR_MS)
    assert not world.service().rollout.completed_at_ms
    world.say_ready(new)
    again_ms = world.clock.now_ms
    world.settle()
    assert world.service().rollout.completed_at_ms == again_ms + MONITOR_MS


def test_a_pod_that_crashes_again_and_again_fails_its_update_before_the_deadline() -> None:
    world, spec = deployed(3, ready_after_ms=math.inf)
    world.deploy(spec)
    world.settle(1000)
    (new,) = [task for task in world.running() if task.status.unready]
    with world.change() as tx, tx.tasks.edit(new.id) as row:
        row.status.containers.add(
            name="web",
            state=CONTAINER_STATE_ENDED,
            failures=3,
            back_off_until_ms=1,
            message="back-off 20 s",
        )
    world.settle(1000)
    assert world.service().rollout.state == ROLLOUT_STATE_PAUSED
    slots = slots_of(world.service(), world.tasks())
    assert [slot.unhealthy(0) for slot in slots] == [f"web.{new.slot}: back-off 20 s"]


# --- routes and waits


def answering(*, unready: bool = False) -> Task:
    task = made("t1", on="n1", state=TASK_STATE_RUNNING)
    task.status.ports.append(PortBinding(target=80, host_port=5000))
    task.status.unready = unready
    return task


@pytest.mark.parametrize("unready", [False, True])
def test_only_a_ready_task_is_in_the_routes_and_told_to_neighbours(unready: bool) -> None:
    row = service("s1", service_spec("web", replicas=1))
    row.ports.append(PortConfig(target=80, published=8080))
    task = answering(unready=unready)
    (frontend,) = load_balancer(row, [task], {"n1": node("n1")}).frontends
    assert len(frontend.backends) == (0 if unready else 1)
    assert (endpoint_of(task) is None) is unready


@pytest.mark.parametrize(
    ("condition", "waits"),
    [(DEPENDENCY_CONDITION_STARTED, ()), (DEPENDENCY_CONDITION_HEALTHY, ("db",))],
)
def test_who_waits_for_a_healthy_service_waits_for_a_ready_one(
    condition: DependencyCondition.ValueType, waits: tuple[str, ...]
) -> None:
    spec = service_spec("web", replicas=1)
    spec.depends_on.add(service="db", condition=condition)
    db = service("s2", service_spec("db", replicas=1))

    def waited_for(task: Task) -> tuple[str, ...]:
        return unmet(service("s1", spec), lambda _: db, lambda _: [task])

    assert waited_for(answering(unready=True)) == waits
    assert waited_for(answering()) == ()
    assert is_news(answering(unready=True), answering())
    assert not is_news(answering(), answering())


def test_since_when_it_is_ready_is_kept_within_what_managers_know() -> None:
    task = Task(created_at_ms=100, updated_at_ms=900)
    task.status.state = TASK_STATE_RUNNING
    task.status.since_ms = 200
    assert readiness_since_ms(task) == 200
    for said_ms, expected in ((500, 500), (50, 200), (5000, 900)):
        task.status.readiness_since_ms = said_ms
        assert readiness_since_ms(task) == expected
