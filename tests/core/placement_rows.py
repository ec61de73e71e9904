"""Rows for the tests of placement: what a test does not name is as harmless as can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from swarmpy.pb.objects_pb2 import Network, Node, Service, Task
from swarmpy.pb.specs_pb2 import ContainerSpec, EndpointSpec, Placement, ServiceSpec, TaskSpec
from swarmpy.pb.types_pb2 import (
    AVAILABILITY_ACTIVE,
    NODE_ROLE_WORKER,
    NODE_STATE_READY,
    PUBLISH_MODE_HOST,
    PUBLISH_MODE_MESH,
    TASK_STATE_PENDING,
    TASK_STATE_RUNNING,
    Availability,
    NodeRole,
    NodeState,
    PortConfig,
    Resources,
    TaskState,
)

CPU = 1_000_000_000
GIB = 1 << 30


def node(
    node_id: str,
    *,
    labels: Mapping[str, str] | None = None,
    cpus: float = 4,
    memory_bytes: int = 8 * GIB,
    state: NodeState.ValueType = NODE_STATE_READY,
    availability: Availability.ValueType = AVAILABILITY_ACTIVE,
    role: NodeRole.ValueType = NODE_ROLE_WORKER,
    generic: Mapping[str, int] | None = None,
) -> Node:
    row = Node(id=node_id, role=role)
    row.spec.availability = availability
    row.spec.labels.update(labels or {})
    row.status.state = state
    row.description.hostname = f"host-{node_id}"
    row.description.platform.os = "linux"
    row.description.platform.architecture = "amd64"
    row.description.resources.nano_cpus = int(cpus * CPU)
    row.description.resources.memory_bytes = memory_bytes
    row.description.resources.generic.update(generic or {})
    return row


def task(
    task_id: str,
    *,
    service: str = "web",
    on: str = "",
    state: TaskState.ValueType = TASK_STATE_PENDING,
    desired: TaskState.ValueType = TASK_STATE_RUNNING,
    cpus: float = 0,
    memory_bytes: int = 0,
    generic: Mapping[str, int] | None = None,
    placement: Placement | None = None,
    host_ports: Sequence[int] = (),
    spec_version: int = 1,
    since_ms: int = 0,
    slot: int = 1,
) -> Task:
    row = Task(
        id=task_id,
        service_id=service,
        service_name=service,
        node_id=on,
        desired_state=desired,
        spec_version=spec_version,
        slot=slot,
        spec=TaskSpec(
            containers=[ContainerSpec(image="nginx")],
            reservations=Resources(
                nano_cpus=int(cpus * CPU), memory_bytes=memory_bytes, generic=generic
            ),
            placement=placement,
        ),
        ports=[
            PortConfig(target=80, published=port, mode=PUBLISH_MODE_HOST) for port in host_ports
        ],
        created_at_ms=since_ms,
        updated_at_ms=since_ms,
    )
    row.status.state = state
    row.status.since_ms = since_ms
    return row


def mesh(published: int = 0, *, target: int = 80) -> PortConfig:
    return PortConfig(target=target, published=published, mode=PUBLISH_MODE_MESH)


def host(published: int = 0, *, target: int = 80) -> PortConfig:
    return PortConfig(target=target, published=published, mode=PUBLISH_MODE_HOST)


def service_spec(name: str = "web", *, replicas: int = 1, image: str = "nginx") -> ServiceSpec:
    spec = ServiceSpec(name=name, task=TaskSpec(containers=[ContainerSpec(image=image)]))
    spec.replicated.replicas = replicas
    return spec


def service(name: str = "web", *asks: PortConfig, holds: Sequence[PortConfig] = ()) -> Service:
    row = Service(id=name, spec=service_spec(name), ports=holds, ports_allocated=bool(holds))
    row.spec.endpoint.CopyFrom(EndpointSpec(ports=asks))
    return row


def network(name: str, *, subnet: str = "", asks: str = "", driver: str = "") -> Network:
    row = Network(id=f"id-{name}", subnet=subnet)
    row.spec.name = name
    row.spec.subnet = asks
    row.spec.driver = driver
    return row
