"""Starts a run of a job whenever a schedule says so, and forgets old runs.

    considered_until          newest due           now
    ────────┼──────x─────x───────────x──────────────┼─────x───>   the schedule's times
            dealt with   `left out'  `a run, or it waits (Forbid), or it is too late (deadline)

Of the times that have passed since the last look only the newest is acted on: after a time without
a leader a cron job does not catch up with a burst of runs. A run and the note that its time was
dealt with are written in one transaction, so no time gets two runs whoever leads.

Source: Kubernetes, CronJob v1; but one that was suspended does not make up for what it missed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from swarmpy.core import tell
from swarmpy.core.actions import (
    Action,
    CreateRun,
    Decision,
    DeleteRow,
    NoteSchedule,
    RemoveService,
    take,
)
from swarmpy.core.cron.schedule import parse
from swarmpy.core.job_run import is_over
from swarmpy.pb.objects_pb2 import JOB_STATE_COMPLETE, JOB_STATE_FAILED, CronJob, Service
from swarmpy.pb.specs_pb2 import CONCURRENCY_POLICY_FORBID, CONCURRENCY_POLICY_REPLACE, ServiceSpec

SUCCESSFUL_HISTORY = 3
FAILED_HISTORY = 1
"""Runs kept unless the spec says other numbers.  Source: Kubernetes."""


def reconcile(cron_job: CronJob, runs: Iterable[Service], now_ms: int) -> Decision:
    """Return what is due now, and when to look again. `runs` are all its services."""
    every = list(runs)
    rows = [run for run in every if not run.removing]
    if cron_job.removing:
        leaving = take((RemoveService(run.id),) for run in rows)
        return leaving if every else Decision((DeleteRow("cron_jobs", cron_job.id),))
    if cron_job.spec.suspend:
        return take(_forget(cron_job, rows))
    schedule = parse(cron_job.spec.schedule, cron_job.spec.time_zone)
    due_ms = schedule.newest(cron_job.considered_until_ms, now_ms)
    steps = _due(cron_job, rows, due_ms, now_ms) if due_ms is not None else ()
    return take((*steps, *_forget(cron_job, rows)), look_again_ms=schedule.after(now_ms))


def new_run(cron_job: CronJob, *, name: str, scheduled_at_ms: int = 0) -> Service:
    """Return a run, without an id; `scheduled_at_ms` 0 is one that somebody asked for."""
    spec = ServiceSpec()
    spec.CopyFrom(cron_job.spec.job)
    spec.name = f"{cron_job.spec.name}-{name}"
    return Service(
        spec=spec,
        spec_version=1,
        stack_id=cron_job.stack_id,
        cron_job_id=cron_job.id,
        scheduled_at_ms=scheduled_at_ms,
    )


def next_ms(cron_job: CronJob, now_ms: int) -> int | None:
    """Return when the schedule comes next; None when it is suspended or never comes."""
    if cron_job.spec.suspend or cron_job.removing:
        return None
    return parse(cron_job.spec.schedule, cron_job.spec.time_zone).after(now_ms)


def active(runs: Iterable[Service]) -> list[Service]:
    """Return the runs that are not over and not being removed."""
    return [run for run in runs if not run.removing and not is_over(run)]


def _due(
    cron_job: CronJob, runs: Sequence[Service], due_ms: int, now_ms: int
) -> Iterator[tuple[Action, ...]]:
    """Yield what is to be done about the newest time that has passed."""
    spec, running = cron_job.spec, active(runs)
    late_ms = now_ms - due_ms
    if spec.HasField("starting_deadline_s") and late_ms > spec.starting_deadline_s * 1000:
        why = f"the run of {tell.moment(due_ms)} is left out: it could not start in time"
        left_out = tell.of_cron_job(cron_job, "RunLeftOut", why, warning=True)
        yield (NoteSchedule(cron_job.id, until_ms=due_ms), left_out)
        return
    if running and spec.concurrency_policy == CONCURRENCY_POLICY_FORBID:
        return
    run = new_run(cron_job, name=str(due_ms // 60_000), scheduled_at_ms=due_ms)
    replaced = running if spec.concurrency_policy == CONCURRENCY_POLICY_REPLACE else []
    yield (
        *(RemoveService(old.id) for old in replaced),
        CreateRun(run),
        NoteSchedule(cron_job.id, until_ms=due_ms, started_ms=due_ms),
        tell.of_cron_job(cron_job, "RunStarted", f"{run.spec.name} runs"),
    )


def _forget(cron_job: CronJob, runs: Sequence[Service]) -> Iterator[tuple[Action, ...]]:
    """Yield the steps that remove runs beyond the history that is kept."""
    spec = cron_job.spec
    successful = spec.successful_history if spec.HasField("successful_history") else None
    failed = spec.failed_history if spec.HasField("failed_history") else None
    for state, kept in (
        (JOB_STATE_COMPLETE, SUCCESSFUL_HISTORY if successful is None else successful),
        (JOB_STATE_FAILED, FAILED_HISTORY if failed is None else failed),
    ):
        over = sorted(
            (run for run in runs if is_over(run) and run.job.state == state),
            key=lambda run: run.created_at_ms,
        )
        yield from ((RemoveService(run.id),) for run in over[: max(0, len(over) - kept)])
