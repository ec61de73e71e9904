"""Judges how the present run of a job stands.

    not begun ── may start ──> RUNNING ── every slot is done ──────────────────────> COMPLETE
                                  `── a slot was given up, too many failures, too long ──> FAILED

What was judged is recorded in `Service.job`, so that it stays true when tasks are forgotten.
FAILED is for good: only a new version of the service runs again. So is COMPLETE, but that a global
job takes in nodes that come later.
"""

from __future__ import annotations

from collections.abc import Iterable

from swarmpy.core import tell
from swarmpy.core.actions import Tell
from swarmpy.core.mode import REPLICATED_JOB, is_job, mode_of
from swarmpy.core.new_task import is_of_this_version
from swarmpy.core.slots import Slot
from swarmpy.core.task_life import has_completed, has_failed, is_ended, wants_to_run
from swarmpy.pb.objects_pb2 import (
    JOB_STATE_COMPLETE,
    JOB_STATE_FAILED,
    JOB_STATE_RUNNING,
    JobStatus,
    Service,
    Task,
)

DEFAULT_BACKOFF_LIMIT = 6
"""Failed tasks that a run may have, unless its spec says how often to try.

Source: Kubernetes, Job v1, spec.backoffLimit.
"""


def recorded(service: Service) -> JobStatus:
    """Return what is recorded of the present run; an empty status when nothing is."""
    run = (service.job.spec_version, service.job.iteration)
    if run == (service.spec_version, service.job_iteration):
        return service.job
    return JobStatus(spec_version=service.spec_version, iteration=service.job_iteration)


def is_over(service: Service) -> bool:
    """Say whether the present run has completed or failed."""
    return recorded(service).state in {JOB_STATE_COMPLETE, JOB_STATE_FAILED}


def is_done(slot: Slot) -> bool:
    """Say whether one of a slot's tasks has completed."""
    return any(has_completed(task) for task in slot.tasks)


def standing(service: Service, slots: list[Slot], now_ms: int, *, may_begin: bool) -> JobStatus:
    """Return how the run stands now. `slots` are those of this run's tasks."""
    before = recorded(service)
    if before.state == JOB_STATE_FAILED or not (before.started_at_ms or may_begin):
        return before
    status = JobStatus()
    status.CopyFrom(before)
    status.started_at_ms = before.started_at_ms or now_ms
    status.state, status.message = JOB_STATE_RUNNING, ""
    if _is_complete(service, slots):
        status.state = JOB_STATE_COMPLETE
    elif reason := _failure(service, slots, status, now_ms):
        status.state, status.message = JOB_STATE_FAILED, reason
    is_over_now = status.state != JOB_STATE_RUNNING
    status.ended_at_ms = (before.ended_at_ms or now_ms) if is_over_now else 0
    return status


def ends_at_ms(service: Service, status: JobStatus) -> int | None:
    """Return when a run has lasted too long; None when it may go on, or is over."""
    limit_s = service.spec.job.active_deadline_s
    if not limit_s or status.state != JOB_STATE_RUNNING:
        return None
    return status.started_at_ms + int(limit_s * 1000)


def forgotten_at_ms(service: Service) -> int | None:
    """Return when the service of a run that is over is to be removed; None for never."""
    if not is_over(service) or not service.spec.job.HasField("ttl_after_finish_s"):
        return None
    return service.job.ended_at_ms + int(service.spec.job.ttl_after_finish_s * 1000)


def no_more_tries(service: Service, tasks: Iterable[Task]) -> str:
    """Return why no task of this service is tried again; "" for what is no job, too."""
    if not is_job(service):
        return ""
    if recorded(service).state == JOB_STATE_FAILED:
        return "its job has failed"
    return _too_many_failures(service, tasks)


def failures_counted(service: Service | None) -> int:
    """Return how many failed tasks must be remembered, so that a job's count is right."""
    if service is None or not is_job(service):
        return 0
    limit = _backoff_limit(service)
    return 0 if limit is None else limit + 1


def told(service: Service, status: JobStatus) -> Tell | None:
    """Return the event of a change to `status`; None when it is not worth one."""
    if status.state == JOB_STATE_COMPLETE:
        took = tell.seconds(status.ended_at_ms - status.started_at_ms)
        return tell.of_service(service, "JobComplete", f"the job has completed after {took}")
    if status.state == JOB_STATE_FAILED:
        return tell.of_service(service, "JobFailed", status.message, warning=True)
    return None


def _is_complete(service: Service, slots: list[Slot]) -> bool:
    done = sum(is_done(slot) for slot in slots)
    if mode_of(service) == REPLICATED_JOB:
        return done >= service.spec.replicated_job.completions
    return bool(slots) and done == len(slots)


def _failure(service: Service, slots: list[Slot], status: JobStatus, now_ms: int) -> str:
    ends_ms = ends_at_ms(service, status)
    if ends_ms is not None and now_ms >= ends_ms:
        return f"the job has run for {service.spec.job.active_deadline_s:g} s, the most it may"
    too_many = _too_many_failures(service, (task for slot in slots for task in slot.tasks))
    if too_many:
        return too_many
    for slot in slots:
        if not is_done(slot) and (task := _given_up(slot)):
            return f"{tell.task_name(task)} was given up: {tell.why_ended(task)}"
    return ""


def _given_up(slot: Slot) -> Task | None:
    """Return the task that its restart policy does not replace, if there is one."""
    ended = (task for task in slot.holders if is_ended(task) and not wants_to_run(task))
    return next(ended, None)


def _too_many_failures(service: Service, tasks: Iterable[Task]) -> str:
    limit = _backoff_limit(service)
    if limit is None:
        return ""
    failed = [task for task in tasks if has_failed(task) and is_of_this_version(service, task)]
    if len(failed) <= limit:
        return ""
    last = max(failed, key=lambda task: task.status.since_ms)
    return f"{len(failed)} tasks of the job have failed, the last because {tell.why_ended(last)}"


def _backoff_limit(service: Service) -> int | None:
    if service.spec.job.HasField("backoff_limit"):
        return service.spec.job.backoff_limit
    return None if service.spec.task.restart.max_attempts else DEFAULT_BACKOFF_LIMIT
