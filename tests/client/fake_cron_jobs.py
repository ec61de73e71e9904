# ruff: noqa: N802  gRPC names its methods
"""The cron jobs of a swarm of make-believe: nothing but what is asked for runs."""

from __future__ import annotations

from typing import Any

from swarmpy.errors import AlreadyExists
from swarmpy.pb import control_pb2 as api
from swarmpy.pb.objects_pb2 import CronJob, Service
from tests.client.fake_swarm import FakeSwarm

NEXT_MS = 4_102_444_800_000
"""When every schedule of make-believe comes next: 2100."""


class FakeCronJobs(FakeSwarm):
    async def CreateCronJob(self, request: Any, context: Any) -> CronJob:
        self.called("CreateCronJob")
        name = request.spec.name
        if any(row.spec.name == name for row in self.rows["cron_jobs"].values()):
            raise AlreadyExists.named("cron job", name)
        return self.put("cron_jobs", CronJob(spec=request.spec))  # type: ignore[no-any-return]

    async def UpdateCronJob(self, request: Any, context: Any) -> CronJob:
        self.called("UpdateCronJob")
        cron_job: CronJob = self.find("cron_jobs", request.cron_job)
        cron_job.spec.CopyFrom(request.spec)
        return self.put("cron_jobs", cron_job)  # type: ignore[no-any-return]

    async def RunCronJob(self, request: Any, context: Any) -> Service:
        self.called("RunCronJob")
        cron_job: CronJob = self.find("cron_jobs", request.cron_job)
        run = Service(spec=cron_job.spec.job, cron_job_id=cron_job.id)
        run.spec.name = f"{cron_job.spec.name}-{len(self.rows['services'])}"
        return self.put("services", run)  # type: ignore[no-any-return]

    async def RemoveCronJob(self, request: Any, context: Any) -> api.RemoveCronJobResponse:
        self.called("RemoveCronJob")
        self.drop("cron_jobs", self.find("cron_jobs", request.cron_job).id)
        return api.RemoveCronJobResponse()

    async def ListCronJobs(self, request: Any, context: Any) -> api.ListCronJobsResponse:
        self.called("ListCronJobs")
        rows = self.rows["cron_jobs"].values()
        return api.ListCronJobsResponse(cron_jobs=[self._summary(row) for row in rows])

    async def GetCronJob(self, request: Any, context: Any) -> api.GetCronJobResponse:
        self.called("GetCronJob")
        cron_job: CronJob = self.find("cron_jobs", request.cron_job)
        return api.GetCronJobResponse(summary=self._summary(cron_job), runs=self._runs(cron_job))

    def _summary(self, cron_job: CronJob) -> api.CronJobSummary:
        next_ms = 0 if cron_job.spec.suspend else NEXT_MS
        return api.CronJobSummary(
            cron_job=cron_job, next_ms=next_ms, active=len(self._runs(cron_job))
        )

    def _runs(self, cron_job: CronJob) -> list[Service]:
        return [row for row in self.rows["services"].values() if row.cron_job_id == cron_job.id]
