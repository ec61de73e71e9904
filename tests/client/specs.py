"""Small specs for tests."""

from __future__ import annotations

from swarmpy.pb.specs_pb2 import (
    ContainerSpec,
    CronJobSpec,
    ReplicatedMode,
    ServiceSpec,
    TaskSpec,
)
from swarmpy.testing import builders


def web(name: str = "web", *, replicas: int = 2, fake: str = "") -> ServiceSpec:
    """Return a service of one container; `fake` programs what becomes of it."""
    return ServiceSpec(
        name=name,
        labels={"fake": fake} if fake else {},
        replicated=ReplicatedMode(replicas=replicas),
        task=TaskSpec(containers=[ContainerSpec(name="main", image="demo")]),
    )


def nightly() -> CronJobSpec:
    """Return a cron job of one container."""
    return builders.cron_job_spec("nightly", "30 3 * * *", image="backup:1")
