"""Small specs for tests."""

from __future__ import annotations

from swarmpy.pb.specs_pb2 import ContainerSpec, ReplicatedMode, ServiceSpec, TaskSpec


def web(name: str = "web", *, replicas: int = 2, fake: str = "") -> ServiceSpec:
    """Return a service of one container; `fake` programs what becomes of it."""
    return ServiceSpec(
        name=name,
        labels={"fake": fake} if fake else {},
        replicated=ReplicatedMode(replicas=replicas),
        task=TaskSpec(containers=[ContainerSpec(name="main", image="demo")]),
    )
