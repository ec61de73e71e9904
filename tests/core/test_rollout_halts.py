"""Updates that somebody halts, and lets go on."""

from __future__ import annotations

import pytest

from swarmpy.pb.objects_pb2 import (
    ROLLOUT_STATE_COMPLETED,
    ROLLOUT_STATE_PAUSED,
    ROLLOUT_STATE_UPDATING,
)
from swarmpy.pb.types_pb2 import (
    RESTART_CONDITION_NONE,
    UPDATE_ORDER_START_FIRST,
    UPDATE_ORDER_STOP_FIRST,
    UpdateOrder,
)
from tests.core.test_rollout import MONITOR_MS, deployed
from tests.core.toy_world import STOP_MS, ToyWorld, exits


def set_paused(world: ToyWorld, *, is_paused: bool) -> None:
    with world.change() as tx, tx.services.edit("s1") as row:
        row.paused = is_paused


def resume(world: ToyWorld) -> None:
    """As the control API does."""
    with world.change() as tx, tx.services.edit("s1") as row:
        row.paused = False
        if row.rollout.state == ROLLOUT_STATE_PAUSED:
            row.rollout.state = ROLLOUT_STATE_UPDATING
            row.rollout.resumed_at_ms = world.clock.now_ms


def test_a_paused_service_begins_no_update() -> None:
    world, spec = deployed(3)
    set_paused(world, is_paused=True)
    world.deploy(spec)
    world.settle()
    assert world.images() == ["web:1"] * 3
    set_paused(world, is_paused=False)
    world.settle()
    assert world.images() == ["web:2"] * 3
    assert world.service().rollout.state == ROLLOUT_STATE_COMPLETED


def test_a_pause_in_the_middle_lets_the_batch_come_up_and_begins_no_other() -> None:
    world, spec = deployed(4)
    world.deploy(spec)
    world.settle(STOP_MS + MONITOR_MS // 2)
    set_paused(world, is_paused=True)
    world.settle()
    assert sorted(world.images()) == ["web:1", "web:1", "web:1", "web:2"]
    world.kill(world.running()[-1])
    world.settle()
    assert sorted(world.images()) == ["web:1", "web:1", "web:1", "web:2"]
    set_paused(world, is_paused=False)
    world.settle()
    assert world.images() == ["web:2"] * 4


@pytest.mark.parametrize(
    "order", [UPDATE_ORDER_STOP_FIRST, UPDATE_ORDER_START_FIRST], ids=["stop-first", "start-first"]
)
def test_an_update_that_failed_gets_another_try_when_it_is_resumed(
    order: UpdateOrder.ValueType,
) -> None:
    world, spec = deployed(3, fates={"web:2": exits(100)}, order=order)
    spec.task.restart.condition = RESTART_CONDITION_NONE
    world.deploy(spec)
    world.settle()
    assert world.service().rollout.state == ROLLOUT_STATE_PAUSED
    del world.fates["web:2"]
    resume(world)
    world.settle()
    assert world.images() == ["web:2"] * 3
    assert world.service().rollout.state == ROLLOUT_STATE_COMPLETED


def test_a_resumed_update_that_fails_again_pauses_again() -> None:
    world, spec = deployed(3, fates={"web:2": exits(100)})
    world.deploy(spec)
    world.settle(60_000)
    resume(world)
    world.settle()
    assert world.service().rollout.state == ROLLOUT_STATE_PAUSED
    assert world.images().count("web:1") >= 2


def test_the_progress_deadline_decides_how_long_a_new_task_may_take() -> None:
    world, spec = deployed(2, progress_deadline_s=30)
    world.never_placed.add("web:2")
    world.deploy(spec)
    world.settle(29_000)
    assert world.service().rollout.state == ROLLOUT_STATE_UPDATING
    world.settle(5_000)
    assert world.service().rollout.state == ROLLOUT_STATE_PAUSED
