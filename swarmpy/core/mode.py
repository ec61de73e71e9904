"""The five ways in which a service keeps tasks."""

from __future__ import annotations

from swarmpy.pb.objects_pb2 import Service

REPLICATED = "replicated"
GLOBAL = "global"
STATEFUL = "stateful"
REPLICATED_JOB = "replicated_job"
GLOBAL_JOB = "global_job"

JOBS = frozenset({REPLICATED_JOB, GLOBAL_JOB})
LASTING = frozenset({REPLICATED, GLOBAL, STATEFUL})


def mode_of(service: Service) -> str:
    """Return one of the names above; "" when a spec says none."""
    return service.spec.WhichOneof("mode") or ""


def is_job(service: Service) -> bool:
    """Its tasks are meant to end."""
    return mode_of(service) in JOBS


def is_stateful(service: Service) -> bool:
    """Its tasks have names that last."""
    return mode_of(service) == STATEFUL


def size_of(service: Service) -> int | None:
    """Return how many tasks a service asks for that can be scaled; None for another."""
    match mode_of(service):
        case "replicated":
            return service.spec.replicated.replicas
        case "stateful":
            return service.spec.stateful.replicas
        case _:
            return None
