"""The four ways in which a service keeps tasks."""

from __future__ import annotations

from swarmpy.pb.objects_pb2 import Service

REPLICATED = "replicated"
GLOBAL = "global"
REPLICATED_JOB = "replicated_job"
GLOBAL_JOB = "global_job"

JOBS = frozenset({REPLICATED_JOB, GLOBAL_JOB})
LASTING = frozenset({REPLICATED, GLOBAL})


def mode_of(service: Service) -> str:
    """Return one of the names above; "" when a spec says none."""
    return service.spec.WhichOneof("mode") or ""


def mode_in_words(service: Service) -> str:
    """Return the mode as people write it: "replicated-job", "stateful"."""
    return "stateful" if is_stateful(service) else mode_of(service).replace("_", "-")


def is_stateful(service: Service) -> bool:
    """Its tasks have names, and at most one task of a slot runs."""
    return service.spec.HasField("stateful")


def is_job(service: Service) -> bool:
    """Its tasks are meant to end."""
    return mode_of(service) in JOBS
