"""What happens to a Service row when its spec is set. Pure but for the row it writes to."""

from __future__ import annotations

from swarmpy.core.mode import is_stateful
from swarmpy.pb.objects_pb2 import (
    ROLLOUT_STATE_PAUSED,
    ROLLOUT_STATE_ROLLING_BACK,
    ROLLOUT_STATE_UPDATING,
    Service,
)
from swarmpy.pb.specs_pb2 import ServiceSpec


def begin(service: Service) -> Service:
    """Make a new row ready to be stored: its first version, nothing allocated."""
    service.spec_version = 1
    service.ports_allocated = False
    return service


def set_spec(service: Service, spec: ServiceSpec) -> None:
    """Make `spec` what the service shall be; remember the old one for a rollback.

    Its tasks are replaced only when what they run has changed, and its ports are looked at
    again only when what it publishes has.
    """
    service.previous_spec.CopyFrom(service.spec)
    _replace(service, spec)


def scale(service: Service, replicas: int) -> None:
    """Set the number of replicas. That is no new version: rollback passes over it."""
    if is_stateful(service):
        service.spec.stateful.replicas = replicas
    else:
        service.spec.replicated.replicas = replicas


def roll_back(service: Service, now_ms: int) -> None:
    """Put the previous spec back, for good: rolling back twice is not rolling forward."""
    previous = ServiceSpec()
    previous.CopyFrom(service.previous_spec)
    service.ClearField("previous_spec")
    _turn_back(service, previous, now_ms)


def return_to(service: Service, revision: ServiceSpec, now_ms: int) -> None:
    """Put the spec of a revision back, but for its size: how many run is not what they are."""
    spec = ServiceSpec()
    spec.CopyFrom(revision)
    if service.spec.HasField("replicated") and spec.HasField("replicated"):
        spec.replicated.CopyFrom(service.spec.replicated)
    if service.spec.HasField("stateful") and spec.HasField("stateful"):
        spec.stateful.CopyFrom(service.spec.stateful)
    service.previous_spec.CopyFrom(service.spec)
    _turn_back(service, spec, now_ms)


def resume(service: Service, now_ms: int) -> None:
    """Let updates go on: those that somebody paused, and one that paused because it failed."""
    service.paused = False
    if service.rollout.state == ROLLOUT_STATE_PAUSED:
        service.rollout.state = ROLLOUT_STATE_UPDATING
        service.rollout.message = "it was resumed"
        service.rollout.resumed_at_ms = now_ms


def restart(service: Service) -> None:
    """Have every task replaced, as an update would."""
    spec = ServiceSpec()
    spec.CopyFrom(service.spec)
    spec.task.force_update += 1
    _replace(service, spec)


def _turn_back(service: Service, spec: ServiceSpec, now_ms: int) -> None:
    if _replace(service, spec):
        service.rollout.state = ROLLOUT_STATE_ROLLING_BACK
        service.rollout.message = "rollback was asked for"
        service.rollout.started_at_ms = now_ms
        service.rollout.spec_version = service.spec_version


def _replace(service: Service, spec: ServiceSpec) -> bool:
    """Set the spec; return whether tasks must be replaced."""
    changes_tasks = service.spec.task != spec.task
    if changes_tasks:
        service.spec_version += 1
        service.ClearField("rollout")
    if service.spec.endpoint != spec.endpoint:
        service.ports_allocated = False
        service.allocation_error = ""
    service.spec.CopyFrom(spec)
    return changes_tasks
