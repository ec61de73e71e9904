"""Budgets: how many tasks may be too many, and how many missing, while an update goes on."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmpy.core.rollout.budget import budgets
from swarmpy.core.task_life import is_live
from swarmpy.pb.objects_pb2 import ROLLOUT_STATE_COMPLETED, ROLLOUT_STATE_PAUSED
from swarmpy.pb.types_pb2 import Budget, UpdateConfig
from tests.core.test_rollout import MONITOR_MS, deployed
from tests.core.toy_world import STOP_MS, ToyWorld, exits


class Extremes:
    """Remembers the fewest tasks that served at any time, and the most that were wanted."""

    def __init__(self) -> None:
        self.fewest, self.most = 1_000, 0

    def __call__(self, world: ToyWorld) -> None:
        self.fewest = min(self.fewest, len(world.running()))
        self.most = max(self.most, sum(is_live(task) for task in world.holders()))


def count(number: int) -> Budget:
    return Budget(count=number)


@pytest.mark.parametrize(
    ("surge", "unavailable", "size", "resolved"),
    [
        (Budget(count=2), None, 10, (2, 0)),
        (None, Budget(count=3), 10, (0, 3)),
        (Budget(ratio=0.25), Budget(ratio=0.25), 10, (3, 2)),
        (Budget(ratio=0.3), Budget(ratio=0.3), 10, (3, 3)),
        (None, Budget(ratio=0.25), 3, (0, 1)),
        (Budget(count=0), Budget(ratio=0.5), 1, (0, 1)),
        (Budget(ratio=0.01), Budget(count=0), 3, (1, 0)),
    ],
)
def test_a_ratio_is_rounded_towards_more_service_and_something_always_moves(
    surge: Budget | None, unavailable: Budget | None, size: int, resolved: tuple[int, int]
) -> None:
    assert budgets(UpdateConfig(max_surge=surge, max_unavailable=unavailable), size) == resolved


@pytest.mark.parametrize(
    ("surge", "unavailable", "fewest", "most"),
    [(1, 0, 4, 5), (2, 0, 4, 6), (0, 1, 3, 5), (1, 1, 3, 6), (4, 0, 4, 8)],
)
def test_an_update_keeps_its_budgets(surge: int, unavailable: int, fewest: int, most: int) -> None:
    world, spec = deployed(4, max_surge=count(surge), max_unavailable=count(unavailable))
    world.watch = extremes = Extremes()
    world.deploy(spec)
    world.settle()
    assert world.images() == ["web:2"] * 4
    assert world.service().rollout.state == ROLLOUT_STATE_COMPLETED
    assert extremes.fewest == fewest
    assert extremes.most <= most


def test_what_one_slot_gives_back_the_next_takes_at_once() -> None:
    world, spec = deployed(4, max_surge=count(1))
    world.deploy(spec)
    started_ms = world.clock.now_ms
    world.settle()
    took_ms = world.service().rollout.completed_at_ms - started_ms
    assert took_ms <= 4 * (MONITOR_MS + STOP_MS)


def test_a_bad_version_takes_no_healthy_task() -> None:
    world, spec = deployed(4, fates={"web:2": exits(100)}, max_surge=count(2))
    world.watch = extremes = Extremes()
    world.deploy(spec)
    world.settle()
    assert world.service().rollout.state == ROLLOUT_STATE_PAUSED
    assert extremes.fewest == 4
    assert world.images().count("web:1") == 4


def test_what_is_broken_moves_for_nothing() -> None:
    world, spec = deployed(3, fates={"web:1": exits(60_000)}, max_surge=count(0))
    for task in world.running()[:2]:
        world.kill(task)
    world.deploy(spec)
    world.decide()
    made = [task for task in world.tasks() if task.spec.containers[0].image == "web:2"]
    assert len(made) >= 2


def test_each_node_of_a_global_service_may_surge() -> None:
    world, spec = deployed(None, max_surge=Budget(ratio=0.5))
    world.watch = extremes = Extremes()
    world.deploy(spec)
    world.settle()
    assert world.images() == ["web:2"] * 3
    assert extremes.fewest == 3
    assert extremes.most <= 3 + 2


@given(
    replicas=st.integers(1, 7),
    surge=st.integers(0, 3),
    unavailable=st.integers(0, 3),
    crashes=st.lists(st.integers(0, 4000), max_size=3),
)
@settings(max_examples=40, deadline=None)
def test_no_update_breaks_its_budgets_by_itself(
    replicas: int, surge: int, unavailable: int, crashes: list[int]
) -> None:
    world, spec = deployed(replicas, max_surge=count(surge), max_unavailable=count(unavailable))
    world.deploy(spec)
    killed = 0
    for after_ms in crashes:
        world.settle(after_ms)
        if world.running():
            world.kill(world.running()[0])
            killed += 1
    world.watch = extremes = Extremes()
    world.settle()
    allowed_surge, allowed_missing = budgets(spec.update, replicas)
    assert extremes.fewest >= replicas - max(allowed_missing, 0) - killed
    assert extremes.most <= 2 * replicas
    assert world.service().rollout.state in {ROLLOUT_STATE_COMPLETED, ROLLOUT_STATE_PAUSED}
    assert allowed_surge or allowed_missing
