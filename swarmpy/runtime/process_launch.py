"""Turns a task into the process to launch: arguments, environment, ports, user, limits."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
from collections.abc import Sequence
from pathlib import Path

from swarmpy.core.requests import limits_of
from swarmpy.errors import TaskRefused
from swarmpy.pb.objects_pb2 import Task
from swarmpy.pb.types_pb2 import PROTOCOL_UDP, PortBinding
from swarmpy.runtime import cgroup
from swarmpy.runtime.task_directory import Launch, TaskDirectory

INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "HOME", "VIRTUAL_ENV")
"""What a process gets of the node's own environment."""


def free_ports(task: Task, address: str) -> list[PortBinding]:
    """Return a port of `address` that is free now for each target port of the task."""
    held: list[socket.socket] = []
    bindings = []
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        for port in task.ports:
            kind = socket.SOCK_DGRAM if port.protocol == PROTOCOL_UDP else socket.SOCK_STREAM
            probe = socket.socket(family, kind)
            held.append(probe)  # held until all are found, so that no two are the same
            probe.bind((address, 0))
            bindings.append(
                PortBinding(
                    protocol=port.protocol, target=port.target, host_port=probe.getsockname()[1]
                )
            )
    finally:
        for probe in held:
            probe.close()
    return bindings


def launch_of(
    task: Task, directory: TaskDirectory, ports: Sequence[PortBinding], address: str, files: Path
) -> Launch:
    """Return what the supervisor shall start.

    Raises:
        TaskRefused: no command, no such program, user or directory.
    """
    spec = task.spec.containers[0]
    argv = [*spec.command, *spec.args]
    if not argv:
        raise TaskRefused(
            "a process needs a command", remedy="give entrypoint or command: the image is not used"
        )
    environment = {
        **{name: os.environ[name] for name in INHERITED if name in os.environ},
        "HOSTNAME": spec.hostname
        or task.hostname
        or f"{task.service_name}.{task.slot or task.node_id}",
        "SWARMPY_ADDRESS": address,
        "SWARMPY_FILES": str(files),
        **_port_variables(ports),
        **task.environment,
        **spec.environment,
    }
    program = shutil.which(argv[0], path=environment.get("PATH"))
    if program is None:
        raise TaskRefused(
            f"no program {argv[0]!r} on this machine", remedy="install it, or give its full path"
        )
    uid, gid = _user(spec.user)
    limits = limits_of(task.spec, spec)
    groups = cgroup.make(directory.path.name, limits)
    return Launch(
        argv=[program, *argv[1:]],
        environment=environment,
        working_dir=_working_directory(spec.working_dir, directory),
        uid=uid,
        gid=gid,
        cgroups=[str(group / "cgroup.procs") for group in groups],
        address_space_bytes=0 if groups else limits.memory_bytes,
    )


def _port_variables(ports: Sequence[PortBinding]) -> dict[str, str]:
    """Return PORT for the first port, and PORT_<target> for each."""
    variables = {f"PORT_{port.target}": str(port.host_port) for port in ports}
    if ports:
        variables["PORT"] = str(ports[0].host_port)
    return variables


def _working_directory(wanted: str, directory: TaskDirectory) -> str:
    if not wanted:
        return str(directory.work)
    if not Path(wanted).is_dir():
        raise TaskRefused(f"working directory {wanted!r} is not on this machine")
    return wanted


def _user(text: str) -> tuple[int | None, int | None]:
    """Return (uid, gid) of "name", "uid" or "uid:gid"; (None, None) for the node's own."""
    if not text:
        return None, None
    name, _, group = text.partition(":")
    try:
        entry = pwd.getpwuid(int(name)) if name.isdecimal() else pwd.getpwnam(name)
        uid, gid = entry.pw_uid, entry.pw_gid
    except KeyError:
        if not name.isdecimal():
            raise TaskRefused(f"no user {name!r} on this machine") from None
        uid = gid = int(name)
    if group and not group.isdecimal():
        raise TaskRefused(f"user {text!r}: expected NAME, UID or UID:GID")
    return uid, int(group) if group else gid
