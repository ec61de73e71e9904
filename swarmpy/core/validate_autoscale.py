"""Checks how a service is to be autoscaled."""

from __future__ import annotations

from swarmpy.core.requests import reservations_of
from swarmpy.core.validate_faults import REPLICAS_MAX, Faults
from swarmpy.pb.specs_pb2 import ServiceSpec

RATIO_MAX = 10.0
"""Of what is reserved; limits may be higher than that."""


def check_autoscale(spec: ServiceSpec, faults: Faults) -> None:
    """Note everything that is wrong with `spec.autoscale`."""
    config = spec.autoscale
    if not spec.HasField("replicated"):
        faults.add("", "is given", "none: the service is not replicated", "remove it")
    faults.check_number("min_replicas", config.min_replicas, 1, REPLICAS_MAX)
    faults.check_number("max_replicas", config.max_replicas, 1, REPLICAS_MAX)
    if config.min_replicas > config.max_replicas:
        what = f"is {config.min_replicas}, more than max_replicas, {config.max_replicas}"
        faults.add("min_replicas", what, "at most that", "lower it, or raise max_replicas")
    if not config.cpu_ratio and not config.memory_ratio:
        faults.add("", "has no aim", "cpu_ratio or memory_ratio", "set one of them")
    for field, of in (("cpu_ratio", "nano_cpus"), ("memory_ratio", "memory_bytes")):
        faults.check_number(field, getattr(config, field), 0, RATIO_MAX)
        measure = getattr(reservations_of(spec.task), of) or getattr(spec.task.limits, of)
        if getattr(config, field) and not measure:
            expected = f"task.reservations.{of} or task.limits.{of} to measure it by"
            faults.add(field, "is an aim", expected, "reserve some, or set a limit")
    faults.check_number("tolerance", config.tolerance, 0, 1)
    faults.check_duration("scale_down_window_s", config.scale_down_window_s)
    faults.check_duration("scale_up_window_s", config.scale_up_window_s)
