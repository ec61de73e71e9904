"""Cron jobs: made, updated, run at once, removed, listed."""

from __future__ import annotations

from swarmpy.core.cron.cron_job import active, new_run, next_ms
from swarmpy.core.stack_cron_jobs import resolve_cron_job
from swarmpy.core.stack_volumes import refuse_misused
from swarmpy.core.validate import validate_cron_job, validate_cron_job_update
from swarmpy.errors import AlreadyExists, Conflict, InUse
from swarmpy.manager.api.services import names_for
from swarmpy.manager.seat import Seat
from swarmpy.manager.volume_claims import finder
from swarmpy.pb.control_pb2 import (
    CreateCronJobRequest,
    CronJobSummary,
    GetCronJobRequest,
    GetCronJobResponse,
    ListCronJobsRequest,
    ListCronJobsResponse,
    RemoveCronJobRequest,
    RemoveCronJobResponse,
    RunCronJobRequest,
    UpdateCronJobRequest,
)
from swarmpy.pb.objects_pb2 import CronJob, Service
from swarmpy.pb.specs_pb2 import CronJobSpec
from swarmpy.store.editor import Editor
from swarmpy.store.view import View


class CronJobs:
    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    async def create_cron_job(self, request: CreateCronJobRequest) -> CronJob:
        validate_cron_job(request.spec)
        cron_job_id = self._seat.ids.new_id()

        def decide(tx: Editor) -> None:
            if tx.view.cron_jobs.by("name", request.spec.name):
                raise AlreadyExists.named("cron job", request.spec.name)
            spec = resolve_cron_job(request.spec, names_for(request.spec.job, tx.view))
            refuse_misused([(spec.name, spec.job)], finder(tx.view))
            tx.cron_jobs.create(begin(CronJob(id=cron_job_id, spec=spec), self._seat.now_ms))

        await self._seat.write(decide)
        return self._seat.store.view.cron_jobs.get(cron_job_id)

    async def update_cron_job(self, request: UpdateCronJobRequest) -> CronJob:
        """Replace the spec; runs that were started go on as they are. With a version, only if that
        is still the cron job's.

        Raises:
            Conflict: the cron job changed since that version.
        """

        def decide(tx: Editor) -> str:
            found = _present(tx.view, request.cron_job)
            if request.version and request.version != found.version:
                raise Conflict(
                    f"cron job {found.spec.name!r} changed since it was read",
                    remedy="read it again and repeat the change",
                )
            validate_cron_job_update(found.spec, request.spec)
            spec = resolve_cron_job(request.spec, names_for(request.spec.job, tx.view))
            refuse_misused([(spec.name, spec.job)], finder(tx.view))
            with tx.cron_jobs.edit(found.id) as cron_job:
                set_spec(cron_job, spec, self._seat.now_ms)
            return found.id

        return self._seat.store.view.cron_jobs.get(await self._seat.write(decide))

    async def run_cron_job(self, request: RunCronJobRequest) -> Service:
        """Start one run now, whatever the schedule and the concurrency policy say."""
        run_id = self._seat.ids.new_id()

        def decide(tx: Editor) -> None:
            cron_job = _present(tx.view, request.cron_job)
            run = new_run(cron_job, name=run_id[:8])
            run.id = run_id
            tx.services.create(run)
            tx.cron_jobs.check(cron_job.id)

        await self._seat.write(decide)
        return self._seat.store.view.services.get(run_id)

    async def remove_cron_job(self, request: RemoveCronJobRequest) -> RemoveCronJobResponse:
        """Let its runs end; then it goes. Asking again does no harm."""

        def decide(tx: Editor) -> None:
            found = tx.view.cron_jobs.resolve(request.cron_job)
            with tx.cron_jobs.edit(found.id) as cron_job:
                cron_job.removing = True

        await self._seat.write(decide)
        return RemoveCronJobResponse()

    async def list_cron_jobs(self, request: ListCronJobsRequest) -> ListCronJobsResponse:
        view = await self._seat.read()
        if request.stack:
            rows = view.cron_jobs.by("stack_id", view.stacks.resolve(request.stack).id)
        else:
            rows = list(view.cron_jobs)
        return ListCronJobsResponse(cron_jobs=[self._summary(view, row) for row in rows])

    async def get_cron_job(self, request: GetCronJobRequest) -> GetCronJobResponse:
        view = await self._seat.read()
        cron_job = view.cron_jobs.resolve(request.cron_job)
        runs = view.services.by("cron_job_id", cron_job.id)
        return GetCronJobResponse(
            summary=self._summary(view, cron_job),
            runs=sorted(runs, key=lambda run: run.created_at_ms),
        )

    def _summary(self, view: View, cron_job: CronJob) -> CronJobSummary:
        return CronJobSummary(
            cron_job=cron_job,
            next_ms=next_ms(cron_job, self._seat.now_ms) or 0,
            active=len(active(view.services.by("cron_job_id", cron_job.id))),
        )


def begin(cron_job: CronJob, now_ms: int) -> CronJob:
    """Make a new row ready to be stored: times before it do not count."""
    cron_job.considered_until_ms = now_ms
    return cron_job


def set_spec(cron_job: CronJob, spec: CronJobSpec, now_ms: int) -> None:
    """Make `spec` what the cron job shall be; another schedule, or one resumed, begins now."""

    def times(of: CronJobSpec) -> tuple[str, str, bool]:
        return of.schedule, of.time_zone, of.suspend

    if times(spec) != times(cron_job.spec):
        cron_job.considered_until_ms = now_ms
    cron_job.spec.CopyFrom(spec)


def _present(view: View, reference: str) -> CronJob:
    """Return a cron job that is not being removed. Raises NotFound, Ambiguous or InUse."""
    found = view.cron_jobs.resolve(reference)
    if found.removing:
        raise InUse(
            f"cron job {found.spec.name!r} is being removed",
            remedy="create it again when it is gone",
        )
    return found
