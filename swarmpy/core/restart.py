"""Replaces tasks that ended by themselves, as their restart policy allows.

    condition     any (default): whatever the exit code; on-failure; none
    delay         0.25 s unless set, before the first restart; the replacement is made and
                  prepared at once and started when the delay is over. A task that could not
                  even be prepared is replaced after the delay: an image that is missing would
                  otherwise be asked for again and again
    back-off      the delay doubles with each failure in a row, up to max_delay, which is
                  300 s unless set; a task that stayed up for 60 s ends the row
    max_attempts  restarts of one slot, 0 without end; only those within the window before
                  the last end count, or all when there is no window
    a job's limit failed tasks of its whole run (job_run.py)

Everything is read from the slot's tasks, of the same version of the service: a delay is
`start_after_ms` of the replacement, a count is a count of rows. So a new leader goes on where
the last one stopped. What a policy must see is kept (`history_needed`).

An ended task either gets a replacement and SHUTDOWN, or is left as it is with COMPLETE: it
keeps its slot, and only an update fills the slot again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, log2

from swarmpy.core import tell
from swarmpy.core.actions import Action, CreateTask, Decision, SetDesiredState, take
from swarmpy.core.job_run import no_more_tries
from swarmpy.core.mode import is_job
from swarmpy.core.new_task import successor
from swarmpy.core.one_at_a_time import waiting
from swarmpy.core.slots import slots_of
from swarmpy.core.task_life import (
    has_completed,
    has_failed,
    is_ended,
    ran_ms,
    since_ms,
    wants_to_run,
)
from swarmpy.pb.objects_pb2 import Service, Task
from swarmpy.pb.types_pb2 import (
    RESTART_CONDITION_ANY,
    RESTART_CONDITION_NONE,
    TASK_STATE_COMPLETE,
    TASK_STATE_REJECTED,
    TASK_STATE_SHUTDOWN,
    RestartPolicy,
)

DEFAULT_DELAY_S = 0.25
"""Long enough to prepare the replacement, short enough to replace a killed task in a second."""
DEFAULT_MAX_DELAY_S = 300.0
STAYED_UP_MS = 60_000
"""How long a task runs before its end is no failure "in a row" with the one before."""


def restart(service: Service, tasks: Iterable[Task], now_ms: int) -> Decision:
    """Return what to do about the ended tasks of `service`."""
    if service.removing:
        return Decision()
    rows = list(tasks)
    of_all = no_more_tries(service, rows)
    ended = [
        _Ended(task, before, _refusal(task, before) or of_all, slot.tasks)
        for slot in slots_of(rows)
        for place, task in enumerate(slot.tasks)
        if is_ended(task) and wants_to_run(task)
        for before in [_before(task, slot.tasks[:place])]
    ]
    return take(
        (_settle(service, one, now_ms) for one in ended if one.due_ms <= now_ms),
        look_again_ms=min((one.due_ms for one in ended if one.due_ms > now_ms), default=None),
    )


def may_end(service: Service, task: Task) -> bool:
    """Say whether exit code 0 is a good end for this task, not one more restart."""
    return is_job(service) or task.spec.restart.condition != RESTART_CONDITION_ANY


def history_needed(policy: RestartPolicy) -> int:
    """Return how many ended tasks of a slot must be kept, so that counts are right."""
    doublings = max(0, ceil(log2(_max_delay_s(policy) / _delay_s(policy))))
    return max(policy.max_attempts, doublings) + 1


def delay_ms(policy: RestartPolicy, failures: int) -> int:
    """Return how long to wait after so many failures in a row, at least one."""
    doubled = _delay_s(policy) * 2.0 ** min(failures - 1, 62)
    return int(min(doubled, _max_delay_s(policy)) * 1000)


@dataclass(frozen=True, slots=True)
class _Ended:
    """An ended task that somebody has yet to decide on."""

    task: Task
    before: list[Task]
    refusal: str
    """Why it is not to be restarted, or ""."""
    in_slot: tuple[Task, ...]
    """Every task of its slot."""

    @property
    def failures(self) -> int:
        """How often in a row, with this time."""
        return _in_a_row([*self.before, self.task])

    @property
    def due_ms(self) -> int:
        """When to decide; 0 is at once."""
        if self.task.status.state != TASK_STATE_REJECTED or self.refusal:
            return 0
        return since_ms(self.task) + delay_ms(self.task.spec.restart, self.failures)


def _settle(service: Service, ended: _Ended, now_ms: int) -> tuple[Action, ...]:
    task, failures = ended.task, ended.failures
    if has_completed(task) and may_end(service, task):
        return (SetDesiredState(task.id, TASK_STATE_COMPLETE),)
    if ended.refusal:
        given_up = _gave_up(task, ended.refusal)
        return (SetDesiredState(task.id, TASK_STATE_COMPLETE), given_up)
    waited = task.status.state == TASK_STATE_REJECTED
    wait_ms = 0 if waited else delay_ms(task.spec.restart, failures)
    return (
        SetDesiredState(task.id, TASK_STATE_SHUTDOWN),
        CreateTask(waiting(successor(task, start_after_ms=now_ms + wait_ms), ended.in_slot)),
        _restarting(task, wait_ms, failures),
    )


def _before(task: Task, older: Iterable[Task]) -> list[Task]:
    """Return the ended tasks that this one's policy looks at, oldest first.

    Tasks that a manager stopped are no failures and not among them.
    """
    return [
        other
        for other in older
        if (other.spec_version, other.job_iteration) == (task.spec_version, task.job_iteration)
        and (has_failed(other) or has_completed(other))
    ]


def _refusal(task: Task, before: list[Task]) -> str:
    """Return why the policy does not allow another restart, or ""."""
    policy = task.spec.restart
    if policy.condition == RESTART_CONDITION_NONE:
        return "its restart condition is none"
    if not policy.max_attempts:
        return ""
    oldest_ms = since_ms(task) - int(policy.window_s * 1000) if policy.window_s else 0
    attempts = sum(since_ms(other) >= oldest_ms for other in before)
    if attempts < policy.max_attempts:
        return ""
    return f"it was restarted {attempts} times, the most its policy allows"


def _in_a_row(ended: Iterable[Task]) -> int:
    failures = 0
    for task in ended:
        failures = 1 if ran_ms(task) >= STAYED_UP_MS else failures + 1
    return failures


def _delay_s(policy: RestartPolicy) -> float:
    return policy.delay_s or DEFAULT_DELAY_S


def _max_delay_s(policy: RestartPolicy) -> float:
    return max(policy.max_delay_s or DEFAULT_MAX_DELAY_S, _delay_s(policy))


def _restarting(task: Task, wait_ms: int, failures: int) -> Action:
    row = "" if failures == 1 else f" ({failures} times in a row)"
    when = f"in {tell.seconds(wait_ms)}" if wait_ms else "now"
    message = f"{tell.why_ended(task)}{row}; it is restarted {when}"
    failed = has_failed(task)
    return tell.of_task(task, "TaskFailed" if failed else "TaskEnded", message, warning=failed)


def _gave_up(task: Task, refusal: str) -> Action:
    message = f"{tell.why_ended(task)}; it is not restarted: {refusal}"
    return tell.of_task(task, "RestartGivenUp", message, warning=True)
