"""A cron job has one run for each time, while leaders change and their clocks disagree."""

from __future__ import annotations

import pytest

from swarmpy.pb.objects_pb2 import JOB_STATE_COMPLETE, CronJob, JobStatus, Service
from swarmpy.store.view import View
from swarmpy.store.watch import RowChange
from swarmpy.testing.builders import cron_job_spec
from swarmpy.testing.seed import run_seed
from swarmpy.testing.ticks import EVERY_MINUTE, Ticks, late

TROUBLE_S = 300.0
MINUTE_MS = 60_000


@pytest.mark.parametrize("seed", range(3))
def test_no_time_runs_twice_and_none_is_forgotten(seed: int) -> None:
    outcome = run_seed(1000 + seed, trouble_s=TROUBLE_S)
    assert not outcome.fault, "\n".join([*outcome.story[-60:], outcome.fault])


def run(run_id: str, *, complete: bool = True) -> Service:
    row = Service(id=run_id, cron_job_id="tick", scheduled_at_ms=MINUTE_MS, created_at_ms=MINUTE_MS)
    row.spec.name = "tick-1"
    if complete:
        row.job.CopyFrom(JobStatus(state=JOB_STATE_COMPLETE))
    return row


def test_the_judge_sees_a_second_run_of_one_time() -> None:
    ticks = Ticks()
    assert not list(ticks.twice(RowChange("services", "r1", None, run("r1"))))
    assert not list(ticks.twice(RowChange("services", "r1", run("r1"), run("r1"))))
    assert list(ticks.twice(RowChange("services", "r2", None, run("r2"))))


@pytest.mark.parametrize(
    ("considered_ms", "rows", "wrong"),
    [
        (2 * MINUTE_MS, [run("r1")], 0),
        (2 * MINUTE_MS, [run("r1", complete=False)], 1),
        (MINUTE_MS, [run("r1")], 1),
    ],
    ids=["all is well", "a run does not end", "a time is forgotten"],
)
def test_the_judge_sees_what_is_late(considered_ms: int, rows: list[Service], wrong: int) -> None:
    view = View()
    spec = cron_job_spec("tick", EVERY_MINUTE)
    view.cron_jobs.put("tick", CronJob(id="tick", spec=spec, considered_until_ms=considered_ms))
    for row in rows:
        view.services.put(row.id, row)
    assert len(list(late(view, 2 * MINUTE_MS + 30_000))) == wrong
