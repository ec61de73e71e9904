"""Cron jobs are made, changed, run and removed as people ask."""

from __future__ import annotations

import pytest

from swarmpy.errors import AlreadyExists, Conflict, InUse, InvalidInput, NotFound
from swarmpy.manager.api.configs import Configs
from swarmpy.manager.api.cron_jobs import CronJobs
from swarmpy.manager.seat import Seat
from swarmpy.pb.control_pb2 import (
    CreateConfigRequest,
    CreateCronJobRequest,
    GetCronJobRequest,
    ListCronJobsRequest,
    RemoveConfigRequest,
    RemoveCronJobRequest,
    RunCronJobRequest,
    UpdateCronJobRequest,
)
from swarmpy.pb.objects_pb2 import CronJob, Volume
from swarmpy.pb.specs_pb2 import VOLUME_SCOPE_SLOT, ConfigSpec, CronJobSpec, VolumeSpec
from swarmpy.pb.types_pb2 import FileReference
from swarmpy.testing.builders import cron_job_spec
from tests.manager.one_manager import leading_seat, put


async def created(seat: Seat, spec: CronJobSpec | None = None) -> CronJob:
    return await CronJobs(seat).create_cron_job(CreateCronJobRequest(spec=spec or cron_job_spec()))


async def updated(seat: Seat, spec: CronJobSpec, version: int = 0) -> CronJob:
    request = UpdateCronJobRequest(cron_job="nightly", spec=spec, version=version)
    return await CronJobs(seat).update_cron_job(request)


async def test_times_before_it_was_made_do_not_count() -> None:
    seat = await leading_seat()
    assert (await created(seat)).considered_until_ms == seat.now_ms
    with pytest.raises(AlreadyExists):
        await created(seat)


async def test_what_is_faulty_is_not_stored() -> None:
    seat = await leading_seat()
    with pytest.raises(InvalidInput, match="schedule: is 'soon'"):
        await created(seat, cron_job_spec(schedule="soon"))
    missing = cron_job_spec()
    missing.job.task.containers[0].secrets.append(FileReference(name="key", target="/key"))
    with pytest.raises(NotFound, match="no secret is named 'key'"):
        await created(seat, missing)
    assert not list(seat.store.view.cron_jobs)


@pytest.mark.parametrize(
    ("change", "begins_anew"),
    [
        ({"schedule": "@daily"}, True),
        ({"time_zone": "Asia/Tokyo"}, True),
        ({"suspend": True}, True),
        ({"failed_history": 7}, False),
    ],
    ids=str,
)
async def test_what_changes_its_times_makes_it_begin_anew(
    change: dict[str, object], begins_anew: bool
) -> None:
    seat = await leading_seat()
    row = await created(seat)
    async with seat.store.update() as tx:
        with tx.cron_jobs.edit(row.id) as edited:
            edited.considered_until_ms = 1
    spec = cron_job_spec()
    spec.MergeFrom(CronJobSpec(**change))  # type: ignore[arg-type]
    assert (await updated(seat, spec)).considered_until_ms == (seat.now_ms if begins_anew else 1)


async def test_a_change_of_what_changed_meanwhile_is_a_conflict() -> None:
    seat = await leading_seat()
    row = await created(seat)
    await updated(seat, cron_job_spec(schedule="@daily"), row.version)
    with pytest.raises(Conflict):
        await updated(seat, cron_job_spec(schedule="@hourly"), row.version)


async def test_a_run_can_be_asked_for_whatever_the_schedule_says() -> None:
    seat = await leading_seat()
    row = await created(seat)
    run = await CronJobs(seat).run_cron_job(RunCronJobRequest(cron_job="nightly"))
    assert (run.cron_job_id, run.scheduled_at_ms, run.spec_version) == (row.id, 0, 1)
    assert run.spec.name.startswith("nightly-")
    found = await CronJobs(seat).get_cron_job(GetCronJobRequest(cron_job="nightly"))
    assert [one.id for one in found.runs] == [run.id]
    (summary,) = (await CronJobs(seat).list_cron_jobs(ListCronJobsRequest())).cron_jobs
    assert summary == found.summary
    assert (summary.active, summary.next_ms % 300_000) == (1, 0)
    assert summary.next_ms > seat.now_ms


async def test_a_cron_job_that_is_being_removed_runs_no_more_and_may_be_removed_again() -> None:
    seat = await leading_seat()
    row = await created(seat)
    for _ in range(2):
        await CronJobs(seat).remove_cron_job(RemoveCronJobRequest(cron_job="nightly"))
    assert seat.store.view.cron_jobs.get(row.id).removing
    with pytest.raises(InUse, match="is being removed"):
        await CronJobs(seat).run_cron_job(RunCronJobRequest(cron_job="nightly"))


async def test_a_file_that_its_runs_read_is_in_use() -> None:
    seat = await leading_seat()
    config = ConfigSpec(name="motd", data=b"hello")
    await Configs(seat).create_config(CreateConfigRequest(spec=config))
    spec = cron_job_spec()
    spec.job.task.containers[0].configs.append(FileReference(name="motd", target="/motd"))
    await created(seat, spec)
    with pytest.raises(InUse, match="config 'motd' is used by nightly"):
        await Configs(seat).remove_config(RemoveConfigRequest(config="motd"))


async def test_a_run_has_no_volume_of_a_slot() -> None:
    seat = await leading_seat()
    row = Volume(id="v", spec=VolumeSpec(name="data", scope=VOLUME_SCOPE_SLOT))
    await put(seat.store, volumes=[row])
    spec = cron_job_spec()
    spec.job.task.containers[0].mounts.add(source="data", target="/data")
    with pytest.raises(InvalidInput, match="'nightly' is none"):
        await CronJobs(seat).create_cron_job(CreateCronJobRequest(spec=spec))
