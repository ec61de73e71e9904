"""Turns a pod into what the Docker Engine is asked to create: a sandbox and what lives in it. Pure.

Each is planned as the container of a plain task, then put into the sandbox's namespaces. Networks,
published ports, the host's name and /etc/hosts are the sandbox's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as changed

from swarmpy.core.pod import SANDBOX, all_containers
from swarmpy.pb.objects_pb2 import Network, Task
from swarmpy.pb.specs_pb2 import ContainerSpec
from swarmpy.pb.types_pb2 import MOUNT_TYPE_EPHEMERAL, MOUNT_TYPE_VOLUME
from swarmpy.runtime.container_config import (
    NODE_LABEL,
    TASK_LABEL,
    ContainerPlan,
    Json,
    container_name,
    plan_container,
)
from swarmpy.runtime.pause_image import IMAGE, PROGRAM
from swarmpy.runtime.task_files import KeptFile

CONTAINER_LABEL = "swarmpy.container"
ORDER_LABEL = "swarmpy.order"
"""The first of a pod's containers has "0"; init containers come after the others."""


@dataclass(frozen=True, slots=True)
class VolumePlan:
    """One ephemeral volume to create."""

    name: str
    labels: Mapping[str, str]
    options: Mapping[str, str]
    """Of the engine's local driver; none is a directory on its disk."""


def plan_sandbox(
    task: Task, networks: Mapping[str, Network], node_id: str, address: str
) -> ContainerPlan:
    """Return the container that holds a pod's namespaces, and its ephemeral volumes open: one in
    memory would be gone between two containers that use it.
    """
    mounts = [mount for spec in all_containers(task.spec) for mount in spec.mounts]
    held = {mount.source: mount for mount in mounts if mount.type == MOUNT_TYPE_EPHEMERAL}
    spec = ContainerSpec(
        name=SANDBOX,
        image=IMAGE,
        command=[f"/{PROGRAM}"],
        hostname=task.spec.containers[0].hostname or task.hostname,
        extra_hosts=dict.fromkeys(
            entry for one in all_containers(task.spec) for entry in one.extra_hosts
        ),
        mounts=held.values(),
    )
    for number, mount in enumerate(spec.mounts):
        mount.target = f"/volumes/{number}"
    alone = _alone(task, spec)
    alone.spec.ClearField("limits")
    plan = plan_container(alone, networks, [], node_id, address)
    plan.body["HostConfig"]["IpcMode"] = "shareable"
    plan.body["Labels"] |= {CONTAINER_LABEL: SANDBOX, ORDER_LABEL: "-1"}
    return plan


def plan_member(
    task: Task, spec: ContainerSpec, files: Sequence[KeptFile], node_id: str
) -> ContainerPlan:
    """Return one container of a pod, in the namespaces of its sandbox."""
    alone = _alone(task, spec)
    del alone.ports[:]
    plan = plan_container(alone, {}, files, node_id, "")
    body, host = plan.body, plan.body["HostConfig"]
    for of_the_sandbox in ("Hostname", "ExposedPorts"):
        del body[of_the_sandbox]
    for of_the_sandbox in ("PortBindings", "ExtraHosts"):
        del host[of_the_sandbox]
    sandbox = f"container:{container_name(task)}"
    host["NetworkMode"] = host["IpcMode"] = sandbox
    order = [*task.spec.containers, *task.spec.init_containers].index(spec)
    body["Labels"] |= {CONTAINER_LABEL: spec.name, ORDER_LABEL: str(order)}
    return changed(plan, name=f"{container_name(task)}.{spec.name}")


def plan_volumes(task: Task, node_id: str) -> list[VolumePlan]:
    """Return the ephemeral volumes of a pod, each once; if any mount says so, it is in memory."""
    plans: dict[str, VolumePlan] = {}
    labels = {NODE_LABEL: node_id, TASK_LABEL: task.id}
    for mount in (mount for spec in all_containers(task.spec) for mount in spec.mounts):
        if mount.type != MOUNT_TYPE_EPHEMERAL:
            continue
        options: Json = {}
        if mount.in_memory:
            options = {"type": "tmpfs", "device": "tmpfs"}
            if mount.tmpfs_bytes:
                options["o"] = f"size={mount.tmpfs_bytes}"
        before = plans.get(mount.source)
        if before is None or options:
            name = volume_name(task, mount.source)
            plans[mount.source] = VolumePlan(name, labels, options)
    return list(plans.values())


def volume_name(task: Task, source: str) -> str:
    """Return the engine's name of an ephemeral volume of a task."""
    return f"swarmpy-{task.id}-{source}"


def _alone(task: Task, spec: ContainerSpec) -> Task:
    """Return the plain task of one container, whose ephemeral volumes are named ones."""
    alone = Task()
    alone.CopyFrom(task)
    del alone.spec.containers[:]
    del alone.spec.init_containers[:]
    own = alone.spec.containers.add()
    own.CopyFrom(spec)
    for mount in own.mounts:
        if mount.type == MOUNT_TYPE_EPHEMERAL:
            mount.type, mount.source = MOUNT_TYPE_VOLUME, volume_name(task, mount.source)
    return alone
