"""A cron job that lives in every simulated swarm: one run a minute, whoever leads and whatever
its clock says.
"""

from __future__ import annotations

from collections.abc import Iterator

from swarmpy.core.cron.schedule import parse
from swarmpy.core.job_run import is_over
from swarmpy.pb.objects_pb2 import JOB_STATE_COMPLETE, CronJob, JobState, Service
from swarmpy.pb.specs_pb2 import CONCURRENCY_POLICY_FORBID
from swarmpy.store.store import Store
from swarmpy.store.view import View
from swarmpy.store.watch import RowChange
from swarmpy.testing.builders import cron_job_spec

EVERY_MINUTE = "* * * * *"
RUNS_S = 10
DONE_S = 55.0
"""After so many quiet seconds a run must have completed."""
FAILURES = 1000
"""What a run may suffer: containers are killed here."""


async def begin_to_tick(store: Store, now_ms: int) -> None:
    """Store the cron job; the first run is due within a minute."""
    spec = cron_job_spec("tick", EVERY_MINUTE)
    spec.concurrency_policy = CONCURRENCY_POLICY_FORBID
    spec.job.job.backoff_limit = FAILURES
    labels = spec.job.task.containers[0].labels
    labels["fake.exit_after_s"] = str(RUNS_S)
    async with store.update() as tx:
        tx.cron_jobs.create(CronJob(id="tick", spec=spec, considered_until_ms=now_ms))


class Ticks:
    """Remembers which service is the run of which time."""

    def __init__(self) -> None:
        self._run_of: dict[tuple[str, int], str] = {}

    def twice(self, change: RowChange) -> Iterator[str]:
        """Hear of a change; yield which run it begins for the second time, if it does."""
        if change.table != "services" or change.new is None or not change.new.scheduled_at_ms:
            return
        run: Service = change.new
        time = (run.cron_job_id, run.scheduled_at_ms)
        first = self._run_of.setdefault(time, run.id)
        if first != run.id:
            yield f"{run.spec.name} runs twice: as {first} and {run.id}"


def late(view: View, now_ms: int) -> Iterator[str]:
    """Yield what a quiet minute should have brought to an end, or begun."""
    for row in view.cron_jobs:
        due_ms = parse(row.spec.schedule, row.spec.time_zone).newest(0, now_ms - RUNS_S * 1000)
        if due_ms is not None and row.considered_until_ms < due_ms:
            yield f"cron job {row.spec.name} has not seen to {due_ms}"
        for run in view.services.by("cron_job_id", row.id):
            is_old = run.created_at_ms < now_ms - DONE_S * 1000
            if is_old and not (is_over(run) and run.job.state == JOB_STATE_COMPLETE):
                yield f"{run.spec.name} is {JobState.Name(run.job.state)}"
