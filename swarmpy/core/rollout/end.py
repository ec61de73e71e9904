"""Ends an update: completed, paused, or turned back."""

from __future__ import annotations

from swarmpy.core import tell
from swarmpy.core.actions import Action, SetRollout
from swarmpy.core.rollout.progress import Progress, Stage
from swarmpy.core.rollout.update import Update
from swarmpy.core.task_life import has_failed
from swarmpy.pb.objects_pb2 import (
    ROLLOUT_STATE_COMPLETED,
    ROLLOUT_STATE_PAUSED,
    ROLLOUT_STATE_ROLLED_BACK,
    ROLLOUT_STATE_ROLLING_BACK,
    RolloutState,
    RolloutStatus,
)
from swarmpy.pb.types_pb2 import FAILURE_ACTION_ROLLBACK


def fail(update: Update) -> tuple[Action, ...]:
    """Turn back if that is asked for and there is something to turn back to; else pause.

    There is nothing once a service has turned back, so it never turns to and fro.
    """
    service, why = update.service, _why(update.progress)
    turns_back = update.config.failure_action == FAILURE_ACTION_ROLLBACK and service.HasField(
        "previous_spec"
    )
    if not turns_back:
        status = _changed(update, ROLLOUT_STATE_PAUSED, why)
        told = tell.of_service(service, "RolloutPaused", f"its update paused: {why}", warning=True)
        return (SetRollout(service.id, status), told)
    status = RolloutStatus(
        state=ROLLOUT_STATE_ROLLING_BACK,
        message=why,
        started_at_ms=update.now_ms,
        spec_version=service.spec_version + 1,
    )
    told = tell.of_service(service, "RollingBack", f"its update turns back: {why}", warning=True)
    return (SetRollout(service.id, status, service.previous_spec), told)


def complete(update: Update) -> tuple[Action, ...]:
    """Say that every slot has come through; with failures, when they were put up with."""
    failed = len(update.progress.at(Stage.FAILED))
    if update.status.state == ROLLOUT_STATE_ROLLING_BACK:
        status = _changed(update, ROLLOUT_STATE_ROLLED_BACK, update.status.message)
        reason, message = "RolledBack", f"it is what it was before: {status.message}"
    else:
        status = _changed(update, ROLLOUT_STATE_COMPLETED, _why(update.progress) if failed else "")
        reason, message = "RolloutCompleted", f"it is updated; {status.message}".rstrip("; ")
    status.completed_at_ms = update.now_ms
    told = tell.of_service(update.service, reason, message, warning=bool(failed))
    return (SetRollout(update.service.id, status), told)


def _changed(update: Update, state: RolloutState.ValueType, message: str) -> RolloutStatus:
    status = RolloutStatus()
    status.CopyFrom(update.status)
    status.state = state
    status.message = message
    return status


def _why(progress: Progress) -> str:
    failed = progress.at(Stage.FAILED)
    ended = [task for slot in failed for task in slot.tasks if has_failed(task)]
    last = f"; {tell.task_name(ended[-1])}: {tell.why_ended(ended[-1])}" if ended else ""
    return f"{len(failed)} of {len(progress.slots)} tasks did not come up and stay up{last}"
