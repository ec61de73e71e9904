"""Checks what a spec says about a cron job: its times, its runs, and what each run is."""

from __future__ import annotations

from swarmpy.core.cron.schedule import parse
from swarmpy.core.validate_faults import Faults
from swarmpy.core.validate_service import check_service
from swarmpy.pb.specs_pb2 import ConcurrencyPolicy, CronJobSpec, ServiceSpec

NAME_MAX = 52
"""A run adds a hyphen and a number to it."""
HISTORY_MAX = 100


def check_cron_job(spec: CronJobSpec, faults: Faults) -> None:
    """Note everything that is wrong with a cron job's spec."""
    faults.check_name("name", spec.name)
    if len(spec.name) > NAME_MAX:
        faults.add("name", f"has {len(spec.name)} characters", f"at most {NAME_MAX}", "shorten it")
    faults.check_read("schedule", lambda: parse(spec.schedule, ""))
    faults.check_read("time_zone", lambda: parse("@daily", spec.time_zone))
    if spec.concurrency_policy not in ConcurrencyPolicy.values():
        what = f"is {spec.concurrency_policy}"
        faults.add("concurrency_policy", what, "allow, forbid or replace", "correct it")
    faults.check_duration("starting_deadline_s", spec.starting_deadline_s)
    faults.check_number("successful_history", spec.successful_history, 0, HISTORY_MAX)
    faults.check_number("failed_history", spec.failed_history, 0, HISTORY_MAX)
    _check_job(spec, faults.under("job"))


def _check_job(spec: CronJobSpec, faults: Faults) -> None:
    if spec.job.name:
        faults.add("name", f"is {spec.job.name!r}", "none", "remove it: each run has its own")
    if spec.job.WhichOneof("mode") not in {"replicated_job", "global_job"}:
        faults.add("mode", "is no job", "replicated_job or global_job", "set one of them")
    if spec.job.endpoint.ports:
        faults.add("endpoint.ports", "is given", "none", "remove it: runs publish no ports")
    run = ServiceSpec()
    run.CopyFrom(spec.job)
    run.name = "run"
    if run.WhichOneof("mode") is None:
        run.global_job.SetInParent()  # that it is missing has been said
    check_service(run, faults)
