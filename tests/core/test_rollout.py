"""Updates: batches that are proven before the next, and a way back that costs nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmpy.pb.objects_pb2 import (
    ROLLOUT_STATE_COMPLETED,
    ROLLOUT_STATE_PAUSED,
    ROLLOUT_STATE_ROLLED_BACK,
    ROLLOUT_STATE_UPDATING,
    RolloutState,
)
from swarmpy.pb.specs_pb2 import ServiceSpec
from swarmpy.pb.types_pb2 import (
    AVAILABILITY_ACTIVE,
    AVAILABILITY_PAUSE,
    FAILURE_ACTION_CONTINUE,
    FAILURE_ACTION_PAUSE,
    FAILURE_ACTION_ROLLBACK,
    NODE_STATE_UNKNOWN,
    RESTART_CONDITION_NONE,
    RESTART_CONDITION_ON_FAILURE,
    UPDATE_ORDER_START_FIRST,
    UPDATE_ORDER_STOP_FIRST,
    FailureAction,
    PortConfig,
    RestartCondition,
    UpdateConfig,
    UpdateOrder,
)
from swarmpy.testing.builders import service_spec, task_spec
from tests.core.toy_world import STOP_MS, Fate, ToyWorld, exits

MONITOR_MS = 1000


def deployed(
    replicas: int | None = 3, *, fates: dict[str, Fate] | None = None, **update: object
) -> tuple[ToyWorld, ServiceSpec]:
    """Return a world where web:1 runs, and the spec that asks for web:2."""
    world = ToyWorld(fates=fates or {})
    spec = service_spec("web", replicas=replicas, task=task_spec("web:1"))
    spec.update.CopyFrom(UpdateConfig(**{"parallelism": 1, **update}))  # type: ignore[arg-type]
    world.deploy(spec)
    world.settle(10_000)
    spec.task.containers[0].image = "web:2"
    return world, spec


class Lowest:
    """Remembers the fewest tasks that ran at any time."""

    def __init__(self) -> None:
        self.running = 1_000

    def __call__(self, world: ToyWorld) -> None:
        self.running = min(self.running, len(world.running()))


@pytest.mark.parametrize(
    ("replicas", "parallelism", "batches"),
    [(6, 2, 3), (5, 2, 3), (3, 0, 1), (1, 1, 1)],
    ids=["pairs", "an odd one out", "all at once", "one"],
)
def test_a_stop_first_update_takes_no_longer_than_stops_and_proofs(
    replicas: int, parallelism: int, batches: int
) -> None:
    world, spec = deployed(replicas, parallelism=parallelism)
    world.watch = lowest = Lowest()
    world.deploy(spec)
    started_ms = world.clock.now_ms
    world.settle()
    rollout = world.service().rollout
    assert world.images() == ["web:2"] * replicas
    assert rollout.state == ROLLOUT_STATE_COMPLETED
    assert rollout.completed_at_ms - started_ms == batches * (STOP_MS + MONITOR_MS)
    assert lowest.running == replicas - (parallelism or replicas)
    assert world.told() == ["RolloutCompleted"]


def test_without_an_update_config_one_slot_is_updated_at_a_time() -> None:
    world, spec = deployed(3)
    spec.ClearField("update")
    world.watch = lowest = Lowest()
    world.deploy(spec)
    world.settle()
    assert lowest.running == 2


def test_the_old_task_has_ended_before_the_new_one_starts() -> None:
    world, spec = deployed(1)
    old = world.running()[0]
    world.deploy(spec)
    world.settle(STOP_MS - 1)
    assert [task.stop_first for task in world.holders()] == [True], "it is prepared meanwhile"
    assert not world.running()
    world.settle(1)
    new = world.running()[0]
    ended = world.view.tasks.get(old.id).status.since_ms
    assert new.status.started_at_ms == ended, "and starts at once when the old one has ended"


def test_an_agent_that_never_tells_of_the_end_delays_the_start_but_not_for_ever() -> None:
    world, spec = deployed(1)
    with world.node(world.running()[0].node_id) as row:
        row.status.state = (
            NODE_STATE_UNKNOWN  # its agent is connected to nobody; it may well be alive
        )
    world.deploy(spec)
    world.settle(69_000)
    assert not world.running()
    world.settle(2_000)
    assert world.images() == ["web:2"]


def test_a_start_first_update_stops_nothing_before_the_new_task_has_proven_itself() -> None:
    world, spec = deployed(3, order=UPDATE_ORDER_START_FIRST)
    world.watch = lowest = Lowest()
    world.deploy(spec)
    world.settle(MONITOR_MS - 1)
    assert len(world.running()) == 4
    world.settle()
    assert lowest.running == 3
    assert world.images() == ["web:2"] * 3
    assert world.service().rollout.state == ROLLOUT_STATE_COMPLETED


def test_the_delay_lies_between_batches() -> None:
    world, spec = deployed(2, delay_s=30)
    world.deploy(spec)
    world.settle(STOP_MS + MONITOR_MS + 29_999)
    assert world.images() == ["web:2", "web:1"]
    world.settle(STOP_MS + 1)
    assert world.images() == ["web:2", "web:2"]


FAILING = [
    (2, 0, exits(0), 1, "crash at start"),
    (8, 5, exits(2000), 1, "crash within the monitor time"),
]


@pytest.mark.parametrize(
    ("replicas", "monitor_s", "fate", "lost"), [f[:4] for f in FAILING], ids=[f[4] for f in FAILING]
)
def test_a_bad_version_takes_no_more_than_one_batch_before_the_pause(
    replicas: int, monitor_s: float, fate: Fate, lost: int
) -> None:
    world, spec = deployed(replicas, monitor_s=monitor_s, fates={"web:2": fate})
    world.deploy(spec)
    world.settle(60_000)
    rollout = world.service().rollout
    assert rollout.state == ROLLOUT_STATE_PAUSED
    assert f"1 of {replicas} tasks" in rollout.message
    assert "web.1: it ended with exit code 1" in rollout.message
    assert world.images().count("web:1") == replicas - lost
    assert world.told().count("RolloutPaused") == 1


def test_a_pause_ends_with_the_next_version() -> None:
    world, spec = deployed(2, fates={"web:2": exits(0)})
    world.deploy(spec)
    world.settle(20_000)
    assert world.service().rollout.state == ROLLOUT_STATE_PAUSED
    spec.task.containers[0].image = "web:3"
    world.deploy(spec)
    world.settle()
    assert world.images() == ["web:3", "web:3"]
    assert world.service().rollout.state == ROLLOUT_STATE_COMPLETED


def test_while_paused_a_crashed_old_task_comes_back_as_it_was() -> None:
    world, spec = deployed(2, fates={"web:2": exits(0)})
    world.deploy(spec)
    world.settle(20_000)
    world.kill(world.running()[0])
    world.settle(1000)
    assert world.images() == ["web:1"]


@pytest.mark.parametrize("order", [UPDATE_ORDER_STOP_FIRST, UPDATE_ORDER_START_FIRST])
@pytest.mark.parametrize("replicas", [1, 4])
def test_a_rollback_leaves_the_healthy_tasks_alone(
    order: UpdateOrder.ValueType, replicas: int
) -> None:
    world, spec = deployed(
        replicas, fates={"web:2": exits(0)}, failure_action=FAILURE_ACTION_ROLLBACK, order=order
    )
    before = {task.id for task in world.running()}
    world.watch = lowest = Lowest()
    world.deploy(spec)
    world.settle()
    stop_first = order == UPDATE_ORDER_STOP_FIRST
    after = {task.id for task in world.running()}
    assert len(before - after) == (1 if stop_first else 0)
    assert lowest.running == replicas - (1 if stop_first else 0)
    assert world.images() == ["web:1"] * replicas
    service = world.service()
    assert service.rollout.state == ROLLOUT_STATE_ROLLED_BACK
    assert service.spec.task.containers[0].image == "web:1"
    assert {task.spec_version for task in world.running()} == {service.spec_version}
    assert world.told()[-1] == "RolledBack"
    assert "RollingBack" in world.told()


def test_a_rollback_that_fails_pauses() -> None:
    world, spec = deployed(
        2, failure_action=FAILURE_ACTION_ROLLBACK, fates={"web:2": exits(0)}, parallelism=0
    )
    world.deploy(spec)
    world.fates["web:1"] = exits(0)
    world.settle(30_000)
    assert world.service().rollout.state == ROLLOUT_STATE_PAUSED
    assert world.service().spec.task.containers[0].image == "web:1"


def test_without_a_spec_before_there_is_nothing_to_turn_back_to() -> None:
    world, spec = deployed(2, failure_action=FAILURE_ACTION_ROLLBACK, fates={"web:2": exits(0)})
    world.deploy(spec)
    with world.change() as tx, tx.services.edit("s1") as row:
        row.ClearField("previous_spec")
    world.settle(20_000)
    assert world.service().rollout.state == ROLLOUT_STATE_PAUSED


@pytest.mark.parametrize(
    ("update", "state"),
    [
        ({"failure_action": FAILURE_ACTION_CONTINUE}, ROLLOUT_STATE_COMPLETED),
        ({"max_failure_ratio": 1.0}, ROLLOUT_STATE_COMPLETED),
        ({"max_failure_ratio": 0.3}, ROLLOUT_STATE_PAUSED),
    ],
    ids=["continue", "all may fail", "more fail than may"],
)
def test_failures_that_are_put_up_with_do_not_stop_an_update(
    update: dict[str, object], state: RolloutState.ValueType
) -> None:
    world, spec = deployed(4, fates={"web:2": exits(0)}, **update)
    world.deploy(spec)
    world.settle(60_000)
    assert world.service().rollout.state == state
    paused_after = 2
    old = world.images().count("web:1")
    assert old == (0 if state == ROLLOUT_STATE_COMPLETED else 4 - paused_after)


def test_a_new_task_that_no_node_takes_fails_the_update_after_ten_minutes() -> None:
    world, spec = deployed(2)
    world.never_placed.add("web:2")
    world.deploy(spec)
    world.settle(9 * 60_000)
    assert world.service().rollout.state == ROLLOUT_STATE_UPDATING
    world.settle(3 * 60_000)
    assert world.service().rollout.state == ROLLOUT_STATE_PAUSED
    assert world.images() == ["web:1"]


def test_what_is_broken_is_updated_first() -> None:
    world, spec = deployed(3)
    world.kill(world.running()[2])
    world.settle(0)
    world.deploy(spec)
    world.settle(0)
    assert [task.slot for task in world.holders() if task.spec_version == 2] == [3]
    world.settle(STOP_MS)
    assert world.images() == ["web:1", "web:1", "web:2"]


@pytest.mark.parametrize(
    ("condition", "state"),
    [
        (RESTART_CONDITION_ON_FAILURE, ROLLOUT_STATE_COMPLETED),
        (RESTART_CONDITION_NONE, ROLLOUT_STATE_COMPLETED),
    ],
    ids=["on-failure", "none"],
)
def test_exit_code_0_is_no_failure_where_tasks_may_end(
    condition: RestartCondition.ValueType, state: RolloutState.ValueType
) -> None:
    world, spec = deployed(2, fates={"web:2": exits(100, code=0)})
    spec.task.restart.condition = condition
    world.deploy(spec)
    world.settle()
    assert world.service().rollout.state == state


def test_a_task_that_exits_with_0_and_should_run_on_fails_the_update() -> None:
    world, spec = deployed(2, fates={"web:2": exits(100, code=0)})
    world.deploy(spec)
    world.settle(20_000)
    assert world.service().rollout.state == ROLLOUT_STATE_PAUSED


def test_a_spec_that_changes_back_and_forth_replaces_nothing() -> None:
    world, spec = deployed(3, delay_s=3600)
    before = {task.id for task in world.running()}
    world.deploy(spec)
    spec.task.containers[0].image = "web:1"
    world.deploy(spec)
    world.settle(10_000)
    assert {task.id for task in world.running()} == before
    assert {task.spec_version for task in world.running()} == {3}


def test_other_container_ports_replace_the_tasks_other_published_ports_do_not() -> None:
    world, spec = deployed(1)
    spec.task.containers[0].image = "web:1"
    spec.endpoint.ports.add(target=80, published=8080)
    world.deploy(spec)
    world.settle(10_000)
    assert world.running()[0].ports == [PortConfig(target=80, published=8080)]
    before = world.running()[0].id
    spec.endpoint.ports[0].published = 9090
    world.deploy(spec)
    world.settle(10_000)
    assert world.running()[0].id == before


def test_a_global_task_on_a_paused_node_is_updated_when_the_node_is_active_again() -> None:
    world, spec = deployed(None)
    with world.node("n2") as row:
        row.spec.availability = AVAILABILITY_PAUSE
    world.deploy(spec)
    world.settle(20_000)
    assert world.images() == ["web:2", "web:1", "web:2"]
    with world.node("n2") as row:
        row.spec.availability = AVAILABILITY_ACTIVE
    world.settle(20_000)
    assert world.images() == ["web:2"] * 3


def test_a_node_that_dies_in_the_middle_is_no_failure_of_the_update() -> None:
    world, spec = deployed(4)
    world.deploy(spec)
    world.settle(700)
    world.crash("n1")
    world.settle()
    assert world.service().rollout.state == ROLLOUT_STATE_COMPLETED
    assert world.images() == ["web:2"] * 4


@given(
    replicas=st.integers(1, 7),
    parallelism=st.integers(0, 4),
    order=st.sampled_from([UPDATE_ORDER_STOP_FIRST, UPDATE_ORDER_START_FIRST]),
    action=st.sampled_from(
        [FAILURE_ACTION_PAUSE, FAILURE_ACTION_ROLLBACK, FAILURE_ACTION_CONTINUE]
    ),
    fate=st.sampled_from([None, exits(0), exits(400), exits(30_000)]),
)
@settings(max_examples=60, deadline=None)
def test_no_update_takes_more_from_service_than_a_batch(
    replicas: int,
    parallelism: int,
    order: UpdateOrder.ValueType,
    action: FailureAction.ValueType,
    fate: Fate | None,
) -> None:
    fates = {} if fate is None else {"web:2": fate}
    world, spec = deployed(
        replicas, fates=fates, parallelism=parallelism, order=order, failure_action=action
    )
    batch = min(replicas, parallelism or replicas)
    least = replicas if order == UPDATE_ORDER_START_FIRST else replicas - batch
    world.watch = lowest = Lowest()
    world.deploy(spec)
    world.settle(20_000)
    if fate is None or (action != FAILURE_ACTION_CONTINUE and fate.runs_ms < 30_000):
        assert lowest.running >= least
    assert world.service().rollout.state in {
        ROLLOUT_STATE_PAUSED,
        ROLLOUT_STATE_ROLLED_BACK,
        ROLLOUT_STATE_COMPLETED,
    }


def test_a_new_task_that_proves_itself_at_the_second_try_takes_over_too() -> None:
    world, spec = deployed(
        2, order=UPDATE_ORDER_START_FIRST, failure_action=FAILURE_ACTION_CONTINUE
    )
    world.fates["web:2"] = exits(100)
    world.deploy(spec)
    world.settle(5000)
    assert world.images().count("web:1") == 2, "until then nothing is taken away"
    world.fates = {}
    world.settle(60_000)
    assert world.images() == ["web:2", "web:2"]


def test_a_new_task_that_is_given_up_takes_nothing_away() -> None:
    world, spec = deployed(2, order=UPDATE_ORDER_START_FIRST, fates={"web:2": exits(100)})
    spec.task.restart.condition = RESTART_CONDITION_NONE
    world.deploy(spec)
    world.settle(60_000)
    assert world.images() == ["web:1", "web:1"]
    assert world.service().rollout.state == ROLLOUT_STATE_PAUSED
