"""Checks what a spec says about a service beyond its tasks."""

from __future__ import annotations

from collections.abc import Iterable

from swarmpy.core.tell import port_name
from swarmpy.core.validate_autoscale import check_autoscale
from swarmpy.core.validate_disruption import PRIORITY_MAX, check_disruption
from swarmpy.core.validate_faults import DURATION_MAX_S, REPLICAS_MAX, Faults
from swarmpy.core.validate_pod import check_job_restart
from swarmpy.core.validate_stateful import check_stateful
from swarmpy.core.validate_task import check_task
from swarmpy.pb.specs_pb2 import DependencyCondition, ServiceSpec
from swarmpy.pb.types_pb2 import (
    Budget,
    FailureAction,
    PortConfig,
    Protocol,
    PublishMode,
    UpdateConfig,
    UpdateOrder,
)

FAILURES_MAX = 1000
"""Of one run of a job: their tasks are kept as long as it is."""
SPEC_MAX_BYTES = 1_500_000
"""So that a service, with the spec before it, fits into one entry of the log."""


def check_service(spec: ServiceSpec, faults: Faults) -> None:
    """Note everything that is wrong with a service's spec."""
    faults.check_name("name", spec.name)
    _check_mode(spec, faults)
    if spec.HasField("task"):
        check_task(spec.task, faults.under("task"))
    else:
        faults.add("task", "is missing", "a task with a container", "add it")
    if spec.task.placement.topology_spread and "global" in (spec.WhichOneof("mode") or ""):
        faults.add(
            "task.placement.topology_spread",
            "is given, and the service runs on every node",
            "a replicated service or job",
            "remove it",
        )
    if spec.WhichOneof("mode") in {"replicated_job", "global_job"}:
        check_job_restart(spec.task, faults.under("task"))
    _check_ports(spec.endpoint.ports, faults.under("endpoint.ports"))
    faults.check_duration("endpoint.drain_s", spec.endpoint.drain_s)
    _check_update(spec.update, faults.under("update"))
    _check_update(spec.rollback, faults.under("rollback"))
    _check_depends_on(spec, faults)
    check_disruption(spec.disruption, faults.under("disruption"))
    faults.check_number("task.priority", spec.task.priority, -PRIORITY_MAX, PRIORITY_MAX)
    if spec.ByteSize() > SPEC_MAX_BYTES:
        faults.add(
            "",
            f"the spec has {spec.ByteSize()} bytes",
            f"at most {SPEC_MAX_BYTES}",
            "move data into configs or the image",
        )


def _check_depends_on(spec: ServiceSpec, faults: Faults) -> None:
    names = [wait.service for wait in spec.depends_on]
    if spec.name in names:
        faults.add("depends_on", "names the service itself", "other services", "remove it")
    faults.check_unique("depends_on", names)
    for i, wait in enumerate(spec.depends_on):
        if wait.condition not in DependencyCondition.values():
            what = f"is {wait.condition}"
            expected = "started, healthy or completed"
            faults.add(f"depends_on[{i}].condition", what, expected, "correct it")


def _check_mode(spec: ServiceSpec, faults: Faults) -> None:
    match spec.WhichOneof("mode"):
        case None:
            expected = "replicated, global, stateful or a job"
            faults.add("mode", "is not set", expected, "set one of them")
        case "replicated":
            faults.check_number("replicated.replicas", spec.replicated.replicas, 0, REPLICAS_MAX)
        case "replicated_job":
            job = spec.replicated_job
            faults.check_number("replicated_job.completions", job.completions, 0, REPLICAS_MAX)
            faults.check_number("replicated_job.parallelism", job.parallelism, 0, REPLICAS_MAX)
        case "stateful":
            check_stateful(spec, faults)
        case "global" | "global_job":
            pass
    if spec.HasField("job"):
        _check_job(spec, faults.under("job"))
    if spec.HasField("autoscale"):
        check_autoscale(spec, faults.under("autoscale"))


def _check_job(spec: ServiceSpec, faults: Faults) -> None:
    if spec.WhichOneof("mode") not in {"replicated_job", "global_job"}:
        faults.add("", "is given", "none: the service is no job", "remove it, or change the mode")
    faults.check_number("backoff_limit", spec.job.backoff_limit, 0, FAILURES_MAX)
    faults.check_duration("active_deadline_s", spec.job.active_deadline_s)
    faults.check_duration("ttl_after_finish_s", spec.job.ttl_after_finish_s)


def _check_ports(ports: Iterable[PortConfig], faults: Faults) -> None:
    published: list[str] = []
    for i, port in enumerate(ports):
        at = faults.under(f"[{i}]")
        at.check_number("target", port.target, 1, 65535)
        at.check_number("published", port.published, 0, 65535)
        if port.protocol not in Protocol.values():
            at.add("protocol", f"is {port.protocol}", "tcp or udp", "correct it")
        if port.mode not in PublishMode.values():
            at.add("mode", f"is {port.mode}", "mesh or host", "correct it")
        if port.published:
            published.append(port_name(port.protocol, port.published))
    faults.check_unique("", published)


def _check_update(update: UpdateConfig, faults: Faults) -> None:
    faults.check_number("parallelism", update.parallelism, 0, REPLICAS_MAX)
    faults.check_number("max_failure_ratio", update.max_failure_ratio, 0, 1)
    faults.check_number("delay_s", update.delay_s, 0, DURATION_MAX_S)
    faults.check_number("monitor_s", update.monitor_s, 0, DURATION_MAX_S)
    faults.check_number("progress_deadline_s", update.progress_deadline_s, 0, DURATION_MAX_S)
    for field in ("max_surge", "max_unavailable"):
        budget: Budget = getattr(update, field)
        faults.check_number(field, budget.ratio, 0, 1)
        faults.check_number(field, budget.count, 0, REPLICAS_MAX)
    if _allows_nothing(update):
        faults.add(
            "max_unavailable",
            "and max_surge are 0",
            "one of them to be more",
            "allow a surge, or tasks to be missing",
        )
    if update.failure_action not in FailureAction.values():
        faults.add(
            "failure_action", f"is {update.failure_action}", "pause, continue or rollback", "fix it"
        )
    if update.order not in UpdateOrder.values():
        faults.add("order", f"is {update.order}", "stop-first or start-first", "fix it")


def _allows_nothing(update: UpdateConfig) -> bool:
    """Say whether both budgets are given and leave no slot free to move."""
    both = (update.max_surge, update.max_unavailable)
    is_given = update.HasField("max_surge") and update.HasField("max_unavailable")
    return is_given and not any(budget.count or budget.ratio for budget in both)
