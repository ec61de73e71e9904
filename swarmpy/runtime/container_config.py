"""Turns a task into what the Docker Engine is asked to create. Pure; argv only, never a shell.

Source: https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from swarmpy.core.requests import limits_of
from swarmpy.errors import TaskRefused
from swarmpy.pb.objects_pb2 import Network, NetworkAddress, Task
from swarmpy.pb.specs_pb2 import ContainerSpec
from swarmpy.pb.types_pb2 import (
    MOUNT_TYPE_BIND,
    MOUNT_TYPE_TMPFS,
    PROTOCOL_UDP,
    HealthCheck,
    Mount,
    PortConfig,
    Protocol,
    Resources,
)
from swarmpy.runtime.network_config import endpoint_of, is_host, network_name
from swarmpy.runtime.task_files import KeptFile

Json: TypeAlias = dict[str, Any]

NODE_LABEL = "swarmpy.node"
TASK_LABEL = "swarmpy.task"
SERVICE_LABEL = "swarmpy.service"
SLOT_LABEL = "swarmpy.slot"
PORTS_LABEL = "swarmpy.ports"
IMAGE_LABEL = "swarmpy.image"
DIGEST_LABEL = "swarmpy.digest"
NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class ContainerPlan:
    """One container to create, and the networks to connect it to before it starts."""

    name: str
    body: Json
    """Of POST /containers/create."""
    further_networks: Mapping[str, Json]
    """Network name -> endpoint settings. An engine takes only the first when it creates."""


def plan_container(
    task: Task,
    networks: Mapping[str, Network],
    files: Sequence[KeptFile],
    node_id: str,
    address: str,
) -> ContainerPlan:
    """Return the container of a task. `networks` are those it refers to, by id; `files` its
    configs and secrets; its target ports are published on free ports of `address`.

    Raises:
        TaskRefused: the task has no container, or several.
    """
    if len(task.spec.containers) != 1:
        raise TaskRefused("the docker runtime runs one container a task")
    spec = task.spec.containers[0]
    endpoints = _endpoints(task, networks)
    on_host = any(is_host(network) for network in networks.values())
    first = next(iter(endpoints), "bridge")
    body: Json = {
        "Image": spec.image,
        "Entrypoint": list(spec.command) or None,
        "Cmd": list(spec.args) or None,
        "Env": [
            f"{key}={value}"
            for key, value in sorted({**task.environment, **spec.environment}.items())
        ],
        "WorkingDir": spec.working_dir,
        "User": spec.user,
        "Tty": spec.tty,
        "Labels": {**spec.labels, **_labels(task, node_id)},
        "HostConfig": {
            "NetworkMode": "host" if on_host else first,
            "RestartPolicy": {"Name": "no"},
            "Init": spec.init,
            "ReadonlyRootfs": spec.read_only,
            "CapAdd": list(spec.cap_add),
            "CapDrop": list(spec.cap_drop),
            "ExtraHosts": list(spec.extra_hosts),
            "Mounts": [*map(_mount, spec.mounts), *map(_file_mount, files)],
            **_limits(limits_of(task.spec, spec)),
        },
    }
    if spec.stop_signal:
        body["StopSignal"] = spec.stop_signal
    if spec.health_check.test:
        body["Healthcheck"] = _health_check(spec.health_check)
    if on_host:
        return ContainerPlan(container_name(task), body, {})
    body["Hostname"] = spec.hostname or task.hostname
    body["ExposedPorts"] = {port_key(port): {} for port in task.ports}
    body["HostConfig"]["PortBindings"] = {
        port_key(port): [{"HostIp": address, "HostPort": ""}] for port in task.ports
    }
    if endpoints:
        body["NetworkingConfig"] = {"EndpointsConfig": {first: endpoints.pop(first)}}
    return ContainerPlan(container_name(task), body, endpoints)


def container_name(task: Task) -> str:
    """Return `<service>.<slot or node>.<task id>`, which people read in `docker ps`."""
    return f"{task.service_name or 'task'}.{task.slot or task.node_id or 0}.{task.id}"


def port_key(port: PortConfig) -> str:
    """Return a port as the engine names it: "80/tcp"."""
    return f"{port.target}/{_protocol(port.protocol)}"


def use_image(plan: ContainerPlan, spec: ContainerSpec, reference: str, digest: str) -> None:
    """Let a plan make its container of `reference`, and remember what its image's name meant."""
    plan.body["Image"] = reference
    if digest:
        plan.body["Labels"] |= {IMAGE_LABEL: spec.image, DIGEST_LABEL: digest}


def _labels(task: Task, node_id: str) -> dict[str, str]:
    return {
        NODE_LABEL: node_id,
        TASK_LABEL: task.id,
        SERVICE_LABEL: task.service_name,
        SLOT_LABEL: str(task.slot),
        PORTS_LABEL: ",".join(map(port_key, task.ports)),
    }


def _endpoints(task: Task, networks: Mapping[str, Network]) -> dict[str, Json]:
    """Return network name -> endpoint settings, in the order of the task's addresses."""
    addresses: dict[str, NetworkAddress] = {one.network_id: one for one in task.addresses}
    order = [*addresses, *(key for key in networks if key not in addresses)]
    in_stack = [one.spec.name for one in networks.values() if one.stack_id]
    return {
        network_name(key): endpoint_of(task.service_name, addresses.get(key), in_stack)
        for key in order
        if key in networks and not is_host(networks[key])
    }


def _limits(limits: Resources) -> Json:
    """Return what bounds a container; 0 is without bound."""
    bounds: Json = {"NanoCpus": limits.nano_cpus, "Memory": limits.memory_bytes}
    return bounds | ({"PidsLimit": limits.pids} if limits.pids else {})


def _mount(mount: Mount) -> Json:
    body: Json = {"Target": mount.target, "ReadOnly": mount.read_only}
    if mount.type == MOUNT_TYPE_TMPFS:
        options = {"TmpfsOptions": {"SizeBytes": mount.tmpfs_bytes}} if mount.tmpfs_bytes else {}
        return {**body, "Type": "tmpfs", **options}
    kind = "bind" if mount.type == MOUNT_TYPE_BIND else "volume"
    return {**body, "Type": kind, "Source": mount.source}


def _file_mount(file: KeptFile) -> Json:
    return {"Type": "bind", "Source": str(file.path), "Target": file.target, "ReadOnly": True}


def _health_check(check: HealthCheck) -> Json:
    """Return a check in nanoseconds; 0 leaves a duration to the image, then to the engine."""
    return {
        "Test": list(check.test),
        "Interval": _nanoseconds(check.interval_s),
        "Timeout": _nanoseconds(check.timeout_s),
        "Retries": check.retries,
        "StartPeriod": _nanoseconds(check.start_period_s),
        "StartInterval": _nanoseconds(check.start_interval_s),
    }


def _nanoseconds(seconds: float) -> int:
    return round(seconds * NANOSECONDS)


def _protocol(protocol: Protocol.ValueType) -> str:
    return "udp" if protocol == PROTOCOL_UDP else "tcp"
