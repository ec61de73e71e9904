"""A cron job starts one run at each time of its schedule, and keeps no more runs than it should."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmpy.core.cron.cron_job import active, new_run, reconcile
from swarmpy.pb.objects_pb2 import JOB_STATE_COMPLETE, JOB_STATE_FAILED, CronJob, Service
from swarmpy.pb.specs_pb2 import (
    CONCURRENCY_POLICY_ALLOW,
    CONCURRENCY_POLICY_FORBID,
    CONCURRENCY_POLICY_REPLACE,
    ConcurrencyPolicy,
    CronJobSpec,
)
from swarmpy.testing.builders import cron_job_spec
from tests.core.toy_world import ToyWorld, exits

MINUTE_MS = 60_000
EVERY_MS = 5 * MINUTE_MS
"""The schedule of `cron_job_spec`. A toy world begins 16:40 past midnight, so 20 is first."""


def cron_world(spec: CronJobSpec, *, ends: int | None = 10_000, code: int = 0) -> ToyWorld:
    """Return a world with this cron job as c1, whose runs end so many ms after they began."""
    fates = {} if ends is None else {"job:1": exits(ends, code)}
    world = ToyWorld(fates=fates)
    with world.change() as tx:
        now_ms = world.clock.now_ms
        tx.cron_jobs.create(CronJob(id="c1", spec=spec, considered_until_ms=now_ms))
    return world


def runs(world: ToyWorld) -> list[Service]:
    rows = world.view.services.by("cron_job_id", "c1")
    return sorted(rows, key=lambda run: run.scheduled_at_ms)


def minutes(world: ToyWorld) -> list[int]:
    """Return the minutes past midnight that runs are there for."""
    return [run.scheduled_at_ms // MINUTE_MS for run in runs(world)]


def policy(value: ConcurrencyPolicy.ValueType) -> CronJobSpec:
    spec = cron_job_spec()
    spec.concurrency_policy = value
    return spec


def test_each_time_has_its_run_and_only_the_newest_are_kept() -> None:
    world = cron_world(cron_job_spec())
    world.settle(4 * MINUTE_MS)
    assert minutes(world) == [20]
    assert runs(world)[0].spec.name == "nightly-20"
    world.settle(5 * EVERY_MS)
    assert minutes(world) == [35, 40, 45]
    assert [run.job.state for run in runs(world)] == [JOB_STATE_COMPLETE] * 3
    assert world.told().count("RunStarted") == 6


def test_one_failed_run_is_kept_unless_told() -> None:
    spec = cron_job_spec()
    spec.job.job.backoff_limit = 0
    world = cron_world(spec, code=1)
    world.settle(20 * MINUTE_MS)
    assert minutes(world) == [35]
    assert runs(world)[0].job.state == JOB_STATE_FAILED


def test_no_history_keeps_nothing() -> None:
    spec = cron_job_spec()
    spec.successful_history = 0
    world = cron_world(spec)
    world.settle(20 * MINUTE_MS)
    assert world.told().count("RunStarted") == 4
    assert not runs(world)
    assert not list(world.view.tasks)


CONCURRENCY = [
    (CONCURRENCY_POLICY_ALLOW, [20, 25, 30]),
    (CONCURRENCY_POLICY_FORBID, [20]),
    (CONCURRENCY_POLICY_REPLACE, [30]),
]


@pytest.mark.parametrize(("value", "there"), CONCURRENCY, ids=["allow", "forbid", "replace"])
def test_the_policy_decides_what_happens_to_a_run_that_is_still_there(
    value: ConcurrencyPolicy.ValueType, there: list[int]
) -> None:
    world = cron_world(policy(value), ends=None)
    world.settle(14 * MINUTE_MS)
    assert minutes(world) == there


def test_a_forbidden_run_starts_when_the_one_before_is_over_and_only_the_newest_does() -> None:
    world = cron_world(policy(CONCURRENCY_POLICY_FORBID), ends=12 * MINUTE_MS)
    world.settle(16 * MINUTE_MS)
    assert minutes(world) == [20, 30]
    [waited] = active(runs(world))
    assert waited.created_at_ms >= 32 * MINUTE_MS


def test_a_run_that_is_too_late_is_left_out() -> None:
    spec = policy(CONCURRENCY_POLICY_FORBID)
    spec.starting_deadline_s = 60
    world = cron_world(spec, ends=12 * MINUTE_MS)
    world.settle(17 * MINUTE_MS)
    assert minutes(world) == [20]
    assert "RunLeftOut" in world.told()
    world.settle(3 * MINUTE_MS)
    assert minutes(world) == [20, 35]


def test_after_a_long_time_without_a_leader_one_run_starts_not_many() -> None:
    world = cron_world(cron_job_spec())
    world.clock.now_ms += 1000 * EVERY_MS
    world.settle(10_000)
    assert world.told().count("RunStarted") == 1


def test_a_suspended_cron_job_starts_nothing() -> None:
    spec = cron_job_spec()
    spec.suspend = True
    world = cron_world(spec)
    world.settle()
    assert not runs(world)


def test_a_removed_cron_job_goes_after_its_runs() -> None:
    world = cron_world(cron_job_spec(), ends=None)
    world.settle(9 * MINUTE_MS)
    assert len(runs(world)) == 2
    with world.change() as tx, tx.cron_jobs.edit("c1") as row:
        row.removing = True
    world.settle(EVERY_MS)
    assert not runs(world)
    assert not list(world.view.cron_jobs)
    assert not list(world.view.tasks)


@given(
    value=st.sampled_from([row[0] for row in CONCURRENCY]),
    looks=st.lists(st.integers(1, 4 * EVERY_MS), max_size=20),
)
@settings(max_examples=50, deadline=None)
def test_no_time_has_two_runs_however_often_somebody_looks(
    value: ConcurrencyPolicy.ValueType, looks: list[int]
) -> None:
    world = cron_world(policy(value), ends=7 * MINUTE_MS)
    seen: dict[str, str] = {}

    def check(world: ToyWorld) -> None:
        for run in runs(world):
            assert seen.setdefault(run.spec.name, run.id) == run.id
        if value == CONCURRENCY_POLICY_FORBID:
            assert len(active(runs(world))) <= 1

    world.watch = check
    for look_ms in looks:
        world.clock.now_ms += look_ms
        world.settle(1000)


def test_what_was_decided_again_without_its_outcome_known_makes_the_same_run() -> None:
    row = CronJob(id="c1", spec=cron_job_spec(), considered_until_ms=0)
    first = reconcile(row, [], 6 * MINUTE_MS)
    assert first == reconcile(row, [], 6 * MINUTE_MS)
    assert first.look_again_ms == 10 * MINUTE_MS
    dealt_with = CronJob(id="c1", spec=cron_job_spec(), considered_until_ms=5 * MINUTE_MS)
    run = new_run(dealt_with, name="5", scheduled_at_ms=5 * MINUTE_MS)
    assert not reconcile(dealt_with, [run], 6 * MINUTE_MS).actions
