"""Short makers of whole objects for tests: name what matters, the rest is ordinary."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Mapping

from swarmpy.pb.objects_pb2 import Node, NodeDescription, NodeStatus, Service, Task, TaskStatus
from swarmpy.pb.specs_pb2 import (
    ContainerSpec,
    CronJobSpec,
    EndpointSpec,
    NodeSpec,
    Placement,
    ReplicatedJobMode,
    ServiceSpec,
    StatefulMode,
    TaskSpec,
)
from swarmpy.pb.types_pb2 import (
    AVAILABILITY_ACTIVE,
    NODE_ROLE_WORKER,
    NODE_STATE_READY,
    TASK_STATE_NEW,
    TASK_STATE_RUNNING,
    NodeRole,
    NodeState,
    Platform,
    PortConfig,
    Resources,
    TaskState,
)
from swarmpy.security.data_keys import DataKeys
from swarmpy.security.sealed import Seal

GIBIBYTE = 1024**3


def resources(cpus: float = 0.0, memory_bytes: int = 0) -> Resources:
    return Resources(nano_cpus=round(cpus * 1e9), memory_bytes=memory_bytes)


def description(
    hostname: str, cpus: float = 4.0, memory_bytes: int = 8 * GIBIBYTE
) -> NodeDescription:
    return NodeDescription(
        hostname=hostname,
        platform=Platform(os="linux", architecture="amd64"),
        resources=resources(cpus, memory_bytes),
        engine="fake",
    )


def node(
    node_id: str = "n1",
    *,
    cpus: float = 4.0,
    memory_bytes: int = 8 * GIBIBYTE,
    labels: Mapping[str, str] | None = None,
    role: NodeRole.ValueType = NODE_ROLE_WORKER,
    state: NodeState.ValueType = NODE_STATE_READY,
) -> Node:
    """Return an active worker whose hostname and address are its id."""
    return Node(
        id=node_id,
        spec=NodeSpec(labels=labels or {}, role=role, availability=AVAILABILITY_ACTIVE),
        description=description(node_id, cpus, memory_bytes),
        status=NodeStatus(state=state, address=node_id),
        role=role,
    )


def task_spec(
    image: str = "demo:1",
    *,
    cpus: float = 0.0,
    memory_bytes: int = 0,
    labels: Mapping[str, str] | None = None,
    constraints: Iterable[str] = (),
) -> TaskSpec:
    return TaskSpec(
        containers=[ContainerSpec(name="main", image=image, labels=labels or {})],
        reservations=resources(cpus, memory_bytes),
        placement=Placement(constraints=constraints),
    )


def service_spec(
    name: str = "web",
    *,
    replicas: int | None = 1,
    task: TaskSpec | None = None,
    ports: Iterable[PortConfig] = (),
) -> ServiceSpec:
    """Return a replicated service; with `replicas=None` a global one."""
    spec = ServiceSpec(name=name, task=task or task_spec(), endpoint=EndpointSpec(ports=ports))
    if replicas is None:
        getattr(spec, "global").SetInParent()
    else:
        spec.replicated.replicas = replicas
    return spec


def stateful_spec(
    name: str = "db",
    *,
    replicas: int = 3,
    task: TaskSpec | None = None,
    parallel: bool = False,
    partition: int = 0,
    first_ordinal: int = 0,
) -> ServiceSpec:
    """Return a stateful service, ordered unless `parallel`."""
    mode = StatefulMode(
        replicas=replicas, parallel=parallel, partition=partition, first_ordinal=first_ordinal
    )
    return ServiceSpec(name=name, task=task or task_spec(), stateful=mode)


def cron_job_spec(
    name: str = "nightly", schedule: str = "*/5 * * * *", *, image: str = "job:1"
) -> CronJobSpec:
    """Return a cron job whose runs have one task each."""
    job = ServiceSpec(task=task_spec(image), replicated_job=ReplicatedJobMode(completions=1))
    return CronJobSpec(name=name, schedule=schedule, job=job)


def service(
    service_id: str = "s1", spec: ServiceSpec | None = None, *, spec_version: int = 1
) -> Service:
    """Return a service whose ports are allocated as asked for."""
    spec = spec or service_spec()
    return Service(
        id=service_id,
        spec=spec,
        spec_version=spec_version,
        ports=spec.endpoint.ports,
        ports_allocated=True,
    )


def task(
    task_id: str = "t1",
    *,
    of: Service | None = None,
    slot: int = 1,
    on: str = "",
    state: TaskState.ValueType = TASK_STATE_NEW,
    desired: TaskState.ValueType = TASK_STATE_RUNNING,
) -> Task:
    """Return a task of `of` in a slot, on node `on` when it has one."""
    owner = of or service()
    return Task(
        id=task_id,
        spec=owner.spec.task,
        service_id=owner.id,
        service_name=owner.spec.name,
        slot=slot,
        node_id=on,
        status=TaskStatus(state=state),
        desired_state=desired,
        spec_version=owner.spec_version,
        ports=owner.ports,
    )


def seal(node_id: str = "n1", rng: random.Random | None = None) -> Seal:
    """Return a node's seal; the same node's is the same at each boot."""
    keys = DataKeys({1: hashlib.sha256(node_id.encode()).digest()})
    return Seal(keys, node_id, rng or random.Random(1))
