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


def is_job(service: Service) -> bool:
    """Its tasks are meant to end."""
    return mode_of(service) in JOBS
