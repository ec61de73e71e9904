"""A cron job that could not do what it says is refused, with its field and the reason."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from swarmpy.core.validate import validate_cron_job, validate_cron_job_update
from swarmpy.errors import InvalidInput
from swarmpy.pb.specs_pb2 import CronJobSpec
from swarmpy.testing.builders import cron_job_spec

Change = Callable[[CronJobSpec], object]


def changed(change: Change) -> CronJobSpec:
    spec = cron_job_spec()
    change(spec)
    return spec


@pytest.mark.parametrize(
    "change",
    [
        lambda s: None,
        lambda s: setattr(s, "schedule", "@daily"),
        lambda s: setattr(s, "time_zone", "Asia/Tokyo"),
        lambda s: setattr(s, "starting_deadline_s", 0),
        lambda s: s.job.global_job.SetInParent(),
        lambda s: s.job.depends_on.add(service="db"),
    ],
)
def test_what_can_be_done_is_valid(change: Change) -> None:
    validate_cron_job(changed(change))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda s: setattr(s, "name", "a b"), "name: 'a b' is not a name"),
        (lambda s: setattr(s, "name", "x" * 53), "name: has 53 characters, expected at most 52"),
        (lambda s: setattr(s, "schedule", "0 0 31 2 *"), "schedule: is '0 0 31 2 *', which never"),
        (lambda s: setattr(s, "schedule", "hourly"), "schedule: is 'hourly', expected five"),
        (lambda s: setattr(s, "time_zone", "Mars"), "time_zone: no time zone is called 'Mars'"),
        (lambda s: setattr(s, "starting_deadline_s", -1), "starting_deadline_s: is -1 s"),
        (lambda s: setattr(s, "failed_history", 101), "failed_history: is 101, expected 0 to 100"),
        (lambda s: s.job.replicated.SetInParent(), "job.mode: is no job, expected replicated_job"),
        (lambda s: s.job.ClearField("replicated_job"), "job.mode: is no job"),
        (lambda s: setattr(s.job, "name", "mine"), "job.name: is 'mine', expected none"),
        (lambda s: s.job.endpoint.ports.add(target=80), "job.endpoint.ports: is given"),
        (
            lambda s: setattr(s.job.task.containers[0], "image", ""),
            "job.task.containers[0].image: is empty",
        ),
    ],
)
def test_what_cannot_be_done_is_refused(change: Change, fault: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        validate_cron_job(changed(change))
    assert fault in caught.value.message
    assert caught.value.remedy


def test_an_update_does_not_rename() -> None:
    with pytest.raises(InvalidInput, match="name: is 'weekly', expected 'nightly' as before"):
        validate_cron_job_update(cron_job_spec(), cron_job_spec("weekly"))
