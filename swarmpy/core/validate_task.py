"""Checks what a spec says about one task: its containers, resources, restarts and place."""

from __future__ import annotations

from swarmpy.core.validate_container import check_container
from swarmpy.core.validate_faults import Faults
from swarmpy.core.validate_placement import check_placement
from swarmpy.core.validate_pod import check_pod
from swarmpy.pb.specs_pb2 import TaskSpec
from swarmpy.pb.types_pb2 import Resources, RestartCondition, RestartPolicy

NANO_CPUS_MIN = 10_000_000
GENERIC_MAX = 1_000_000
"""Of one kind: enough to count anything, and too few to overflow a sum."""
MEMORY_LIMIT_MIN_BYTES = 6 << 20
"""An engine refuses smaller limits than these two."""


def check_task(task: TaskSpec, faults: Faults) -> None:
    """Note what is wrong with a task's spec."""
    check_pod(task, faults)
    for field in ("containers", "init_containers"):
        for i, container in enumerate(getattr(task, field)):
            at = faults.under(f"{field}[{i}]")
            check_container(container, at)
            _check_resources(container.reservations, container.limits, at)
    _check_resources(task.reservations, task.limits, faults)
    _check_restart(task.restart, faults.under("restart"))
    check_placement(task.placement, faults.under("placement"))
    for i, attachment in enumerate(task.networks):
        if not attachment.network:
            faults.add(f"networks[{i}].network", "is empty", "a network's name", "write it")
    faults.check_unique("networks", (attachment.network for attachment in task.networks))


def _check_resources(reserved: Resources, limits: Resources, faults: Faults) -> None:
    for field, unit in (("nano_cpus", "cpus"), ("memory_bytes", "bytes")):
        reservation, limit = getattr(reserved, field), getattr(limits, field)
        if reservation < 0:
            faults.add(f"reservations.{field}", f"is {reservation}", "0 or more", "change it")
        if limit and reservation > limit:
            faults.add(
                f"reservations.{field}",
                f"reserves {reservation} but limits to {limit} ({unit})",
                "a reservation within the limit",
                "lower it, or raise the limit",
            )
    if reserved.pids:
        faults.add("reservations.pids", f"is {reserved.pids}", "none", "use limits.pids")
    for kind, count in reserved.generic.items():
        faults.check_name("reservations.generic", kind)
        faults.check_number(f"reservations.generic[{kind}]", count, 1, GENERIC_MAX)
    if limits.generic:
        there = ", ".join(sorted(limits.generic))
        faults.add("limits.generic", f"has {there}", "none", "use reservations.generic")
    for field, least in (
        ("nano_cpus", NANO_CPUS_MIN),
        ("memory_bytes", MEMORY_LIMIT_MIN_BYTES),
        ("pids", 1),
    ):
        limit = getattr(limits, field)
        if limit and limit < least:
            faults.add(f"limits.{field}", f"is {limit}", f"{least} or more", "raise it")


def _check_restart(restart: RestartPolicy, faults: Faults) -> None:
    if restart.condition not in RestartCondition.values():
        faults.add("condition", f"is {restart.condition}", "any, on-failure or none", "correct it")
    for field in ("delay_s", "window_s", "max_delay_s"):
        faults.check_duration(field, getattr(restart, field))
