"""`swarmpy cronjob`: jobs that run whenever a schedule says so."""

from __future__ import annotations

from typing import Annotated

import typer

from swarmpy import SyncClient
from swarmpy.cli import render, when
from swarmpy.cli.arguments import duration_s
from swarmpy.cli.flags import with_flags
from swarmpy.cli.noun import noun
from swarmpy.cli.options import Format, FormatOption, QuietOption, WaitFlags
from swarmpy.cli.plain import plain, word
from swarmpy.cli.service import name_of
from swarmpy.cli.service_flags import SpecFlags
from swarmpy.cli.service_spec import apply_flags, one_of
from swarmpy.cli.waiting import wait
from swarmpy.manifest.compose.extension import POLICIES
from swarmpy.pb.control_pb2 import CronJobSummary
from swarmpy.pb.objects_pb2 import JobState, Service
from swarmpy.pb.specs_pb2 import (
    ContainerSpec,
    CronJobSpec,
    ReplicatedJobMode,
    ServiceSpec,
    TaskSpec,
)

app = noun("Cron jobs. CRONJOB is an id, a unique prefix of one, or a name.")

CronJobArgument = Annotated[str, typer.Argument(metavar="CRONJOB")]


@app.command("create")
@with_flags
def create(  # noqa: PLR0913, PLR0917 - they are what a cron job has
    schedule: Annotated[
        str, typer.Argument(metavar="SCHEDULE", help="'*/5 * * * *', @hourly or alike.")
    ],
    image: Annotated[str, typer.Argument(metavar="IMAGE")],
    argv: Annotated[
        list[str] | None, typer.Argument(metavar="[-- COMMAND...]", show_default=False)
    ] = None,
    name: Annotated[str, typer.Option(help="Default: the image's.", show_default=False)] = "",
    time_zone: Annotated[str, typer.Option(metavar="ZONE", help="Europe/Berlin or alike.")] = "UTC",
    concurrency: Annotated[str, typer.Option(metavar="allow|forbid|replace")] = "allow",
    starting_deadline: Annotated[
        str, typer.Option(metavar="DURATION", help="A run that is later is left out.")
    ] = "",
    *,
    flags: SpecFlags,
) -> None:
    """Run a job whenever a schedule says so."""
    container = ContainerSpec(name="main", image=image, args=argv or [])
    job = ServiceSpec(
        replicated_job=ReplicatedJobMode(completions=1), task=TaskSpec(containers=[container])
    )
    apply_flags(job, flags)
    spec = CronJobSpec(
        name=name or name_of(image),
        schedule=schedule,
        time_zone=time_zone,
        concurrency_policy=one_of(POLICIES, concurrency, "--concurrency"),
        job=job,
    )
    if starting_deadline:
        spec.starting_deadline_s = duration_s(starting_deadline)
    with SyncClient.connect() as client:
        cron_job = client.create_cron_job(spec)
        render.say(f"{cron_job.id} {cron_job.spec.name}")


def _next(row: CronJobSummary) -> str:
    if row.cron_job.removing:
        return "removing"
    return f"in {when.remaining(row.next_ms)}" if row.next_ms else "suspended"


_COLUMNS: render.Columns[CronJobSummary] = {
    "ID": lambda row: row.cron_job.id,
    "NAME": lambda row: row.cron_job.spec.name,
    "SCHEDULE": lambda row: row.cron_job.spec.schedule,
    "ZONE": lambda row: row.cron_job.spec.time_zone or "UTC",
    "LAST": lambda row: when.age(row.cron_job.last_scheduled_at_ms),
    "NEXT": _next,
    "ACTIVE": lambda row: str(row.active),
    "IMAGE": lambda row: ", ".join(one.image for one in row.cron_job.spec.job.task.containers),
}


@app.command("ls")
def ls(output: FormatOption = Format.TABLE, quiet: QuietOption = False) -> None:
    """List the cron jobs."""
    with SyncClient.connect() as client:
        cron_jobs = client.cron_jobs()
    if quiet:
        render.show_ids(one.cron_job.id for one in cron_jobs)
    else:
        render.show(cron_jobs, _COLUMNS, output, plain)


@app.command("inspect")
def inspect(cron_job: CronJobArgument, output: FormatOption = Format.YAML) -> None:
    """Print one cron job with its runs, whole."""
    with SyncClient.connect() as client:
        render.inspect(client.cron_job(cron_job), output)


def _state(run: Service) -> str:
    if run.removing:
        return "removing"
    return word(JobState.DESCRIPTOR, run.job.state) if run.job.state else "waiting"


def _took(run: Service) -> str:
    if not run.job.ended_at_ms:
        return ""
    return when.span((run.job.ended_at_ms - run.job.started_at_ms) / 1000)


_RUN_COLUMNS: render.Columns[Service] = {
    "NAME": lambda row: row.spec.name,
    "SCHEDULED": lambda row: when.moment(row.scheduled_at_ms) if row.scheduled_at_ms else "by hand",
    "STATE": _state,
    "STARTED": lambda row: when.age(row.job.started_at_ms),
    "TOOK": _took,
    "MESSAGE": lambda row: row.job.message,
}


@app.command("runs")
def runs(
    cron_job: CronJobArgument, output: FormatOption = Format.TABLE, quiet: QuietOption = False
) -> None:
    """List the runs that are kept, oldest first."""
    with SyncClient.connect() as client:
        found = list(client.cron_job(cron_job).runs)
    if quiet:
        render.show_ids(run.id for run in found)
    else:
        render.show(found, _RUN_COLUMNS, output, plain)


@app.command("run")
@with_flags
def run(cron_job: CronJobArgument, flags: WaitFlags) -> None:
    """Start one run now, whatever the schedule says, and wait until it has completed."""
    with SyncClient.connect() as client:
        started = client.run_cron_job(cron_job)
        render.say(f"{started.id} {started.spec.name}")
        wait(client, started, flags)


@app.command("suspend")
def suspend(cron_job: CronJobArgument) -> None:
    """Start no more runs; those that run go on."""
    _set_suspend(cron_job, is_suspended=True)


@app.command("resume")
def resume(cron_job: CronJobArgument) -> None:
    """Start runs again, from the next time of the schedule on."""
    _set_suspend(cron_job, is_suspended=False)


@app.command("rm")
def rm(cron_jobs: Annotated[list[str], typer.Argument(metavar="CRONJOB...")]) -> None:
    """Stop and forget cron jobs with all their runs."""
    with SyncClient.connect() as client:
        for cron_job in cron_jobs:
            client.remove_cron_job(cron_job)
            render.say(cron_job)


def _set_suspend(reference: str, *, is_suspended: bool) -> None:
    with SyncClient.connect() as client:
        found = client.cron_job(reference).summary.cron_job
        spec = CronJobSpec()
        spec.CopyFrom(found.spec)
        spec.suspend = is_suspended
        client.update_cron_job(found.id, spec, version=found.version)
        render.say(found.spec.name)
