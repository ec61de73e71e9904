"""Cron jobs from the command line."""

from __future__ import annotations

from swarmpy.pb.objects_pb2 import CronJob
from swarmpy.pb.specs_pb2 import CONCURRENCY_POLICY_FORBID
from tests.cli.conftest import Run
from tests.client.fake_control import FakeControl


def only(control: FakeControl) -> CronJob:
    [row] = control.rows["cron_jobs"].values()
    assert isinstance(row, CronJob)
    return row


def test_create_makes_the_spec_that_its_words_say(run: Run, control: FakeControl) -> None:
    said = run(
        "cronjob", "create", "30 3 * * *", "backup:2", "--name", "nightly",
        "--time-zone", "Europe/Berlin", "--concurrency", "forbid", "--starting-deadline", "5m",
        "--replicas", "4", "--max-concurrent", "2", "--backoff-limit", "1",
        "--active-deadline", "1h", "--ttl-after-finish", "1d", "-e", "A=1", "--", "dump", "all",
    )  # fmt: skip
    assert said.exit_code == 0, said.output
    row = only(control)
    assert said.stdout == f"{row.id} nightly\n"
    spec, job = row.spec, row.spec.job
    assert (spec.schedule, spec.time_zone) == ("30 3 * * *", "Europe/Berlin")
    assert spec.concurrency_policy == CONCURRENCY_POLICY_FORBID
    assert spec.starting_deadline_s == 300
    assert (job.replicated_job.completions, job.replicated_job.parallelism) == (4, 2)
    assert (job.job.backoff_limit, job.job.active_deadline_s) == (1, 3600)
    assert job.job.ttl_after_finish_s == 86400
    assert list(job.task.containers[0].args) == ["dump", "all"]


def test_a_cron_job_is_suspended_resumed_run_and_removed(run: Run, control: FakeControl) -> None:
    run("cronjob", "create", "@hourly", "backup:2")
    assert run("cronjob", "suspend", "backup").stdout == "backup\n"
    assert only(control).spec.suspend
    assert "suspended" in run("cronjob", "ls").stdout
    run("cronjob", "resume", "backup")
    assert not only(control).spec.suspend
    assert run("cronjob", "run", "backup", "--detach").exit_code == 0
    listed = run("cronjob", "runs", "backup").stdout
    assert "by hand" in listed
    assert "waiting" in listed
    run("cronjob", "rm", "backup")
    assert not control.rows["cron_jobs"]


def test_a_policy_that_there_is_not_is_named(run: Run) -> None:
    said = run("cronjob", "create", "@hourly", "backup:2", "--concurrency", "skip")
    assert said.exit_code == 2
    assert "'skip' is none of allow, forbid, replace" in said.output
