"""Cron jobs: what runs whenever a schedule says so."""

from __future__ import annotations

from swarmpy.client.calls import Calls
from swarmpy.pb.control_pb2 import (
    CreateCronJobRequest,
    CronJobSummary,
    GetCronJobRequest,
    GetCronJobResponse,
    ListCronJobsRequest,
    RemoveCronJobRequest,
    RunCronJobRequest,
    UpdateCronJobRequest,
)
from swarmpy.pb.objects_pb2 import CronJob, Service
from swarmpy.pb.specs_pb2 import CronJobSpec


class CronJobCalls(Calls):
    """A cron job is named by its id, a unique prefix of it, or its name."""

    async def create_cron_job(self, spec: CronJobSpec) -> CronJob:
        """Store a cron job; times before now do not count. Raises AlreadyExists or InvalidInput."""
        request = CreateCronJobRequest(spec=spec)
        return await self._connection.write(lambda c: c.CreateCronJob, request)

    async def cron_jobs(self, *, stack: str = "") -> list[CronJobSummary]:
        """Return every cron job, or those of one stack, with its next time and its runs' number."""
        request = ListCronJobsRequest(stack=stack)
        answer = await self._connection.read(lambda c: c.ListCronJobs, request)
        return list(answer.cron_jobs)

    async def cron_job(self, ref: str) -> GetCronJobResponse:
        """Return one cron job and its runs, oldest first. Raises NotFound or Ambiguous."""
        request = GetCronJobRequest(cron_job=ref)
        return await self._connection.read(lambda c: c.GetCronJob, request)

    async def update_cron_job(self, ref: str, spec: CronJobSpec, *, version: int = 0) -> CronJob:
        """Make `spec` the cron job's spec; runs that were started go on as they are.

        Raises:
            Conflict: the cron job has changed since `version`.
        """
        request = UpdateCronJobRequest(cron_job=ref, version=version, spec=spec)
        return await self._connection.write(lambda c: c.UpdateCronJob, request)

    async def run_cron_job(self, ref: str) -> Service:
        """Start one run now, whatever the schedule says; return it."""
        request = RunCronJobRequest(cron_job=ref)
        return await self._connection.write(lambda c: c.RunCronJob, request)

    async def remove_cron_job(self, ref: str) -> None:
        """Stop its runs, then forget it."""
        request = RemoveCronJobRequest(cron_job=ref)
        await self._connection.write(lambda c: c.RemoveCronJob, request)
