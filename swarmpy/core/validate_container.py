"""Checks what a spec says about one container."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from swarmpy.core.template import check_template, is_template
from swarmpy.core.validate_faults import Faults
from swarmpy.core.validate_files import check_environment_from, check_files
from swarmpy.pb.specs_pb2 import ContainerSpec
from swarmpy.pb.types_pb2 import (
    MOUNT_TYPE_BIND,
    MOUNT_TYPE_EPHEMERAL,
    MOUNT_TYPE_TMPFS,
    MOUNT_TYPE_VOLUME,
    HealthCheck,
    Mount,
    PullPolicy,
)

_SIGNAL = re.compile(
    r"(SIG)?(HUP|INT|QUIT|ILL|TRAP|ABRT|BUS|FPE|KILL|USR1|SEGV|USR2|PIPE|ALRM|TERM|STKFLT|CHLD"
    r"|CONT|STOP|TSTP|TTIN|TTOU|URG|XCPU|XFSZ|VTALRM|PROF|WINCH|IO|PWR|SYS)"
    r"|[1-9]|[1-5][0-9]|6[0-4]"
)
_IMAGE = re.compile(r"[^\s@]+(@sha256:[0-9a-f]{64})?")
_HOSTNAME = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9.-]{0,61}[a-zA-Z0-9])?")
_CAPABILITY = re.compile(r"[A-Z][A-Z_]+")


def check_container(container: ContainerSpec, faults: Faults) -> None:
    """Note what is wrong with one container's spec."""
    if not container.image:
        faults.add("image", "is empty", "an image", "write one, like nginx:1.27")
    elif not _IMAGE.fullmatch(container.image):
        faults.add("image", f"is {container.image!r}", "NAME:TAG or NAME@sha256:...", "correct it")
    if container.pull_policy not in PullPolicy.values():
        what = f"is {container.pull_policy}"
        faults.add("pull_policy", what, "if-not-present, always or never", "correct it")
    if container.name:
        faults.check_name("name", container.name)
    _check_process(container, faults)
    _check_mounts(container.mounts, faults)
    check_files("configs", container.configs, faults)
    check_files("secrets", container.secrets, faults)
    check_environment_from(container, faults)
    if container.HasField("health_check"):
        _check_health(container.health_check, faults.under("health_check"))
    for field, names in (("cap_add", container.cap_add), ("cap_drop", container.cap_drop)):
        for name in names:
            if not _CAPABILITY.fullmatch(name):
                faults.add(field, f"has {name!r}", "a capability like NET_ADMIN", "correct it")
    for entry in container.extra_hosts:
        _check_host(entry, faults)


def _check_process(container: ContainerSpec, faults: Faults) -> None:
    hostname, directory = container.hostname, container.working_dir
    if is_template(hostname):
        faults.check_read("hostname", lambda: check_template(hostname))
    elif hostname and not _HOSTNAME.fullmatch(hostname):
        faults.add("hostname", f"is {hostname!r}", "a host's name", "correct it")
    if directory and not directory.startswith("/"):
        faults.add("working_dir", f"is {directory!r}", "an absolute path", "begin with /")
    for name in container.environment:
        if not name or "=" in name or "\0" in name:
            faults.add("environment", f"has the name {name!r}", "one without '='", "rename it")
    for name, value in sorted(container.environment.items()):
        if is_template(value):
            _check_template(f"environment[{name}]", value, faults)
    if container.stop_signal and not _SIGNAL.fullmatch(container.stop_signal):
        faults.add(
            "stop_signal", f"is {container.stop_signal!r}", "a signal", "write one, like SIGTERM"
        )
    faults.check_duration("stop_grace_s", container.stop_grace_s)


def _check_mounts(mounts: Iterable[Mount], faults: Faults) -> None:
    targets: list[str] = []
    for i, mount in enumerate(mounts):
        at = faults.under(f"mounts[{i}]")
        targets.append(mount.target)
        for field in ("source", "target"):
            if is_template(getattr(mount, field)):
                _check_template(f"mounts[{i}].{field}", getattr(mount, field), faults)
        if not mount.target.startswith("/") or mount.target == "/":
            at.add("target", f"is {mount.target!r}", "an absolute path", "begin with /")
        _check_source(mount, at)
        in_memory = mount.type == MOUNT_TYPE_TMPFS or (_is_ephemeral(mount) and mount.in_memory)
        if mount.tmpfs_bytes < 0 or (mount.tmpfs_bytes and not in_memory):
            at.add("tmpfs_bytes", f"is {mount.tmpfs_bytes}", "a size, for memory only", "remove it")
        if mount.in_memory and not _is_ephemeral(mount):
            at.add("in_memory", "is set", "an ephemeral mount, or tmpfs", "change the type")
    faults.check_unique("mounts", targets)


def _check_source(mount: Mount, at: Faults) -> None:
    if mount.type == MOUNT_TYPE_BIND and not mount.source.startswith("/"):
        at.add("source", f"is {mount.source!r}", "the host's absolute path", "begin with /")
    elif mount.type == MOUNT_TYPE_TMPFS and mount.source:
        at.add("source", f"is {mount.source!r}", "none for tmpfs", "remove it")
    elif mount.type == MOUNT_TYPE_VOLUME and (not mount.source or is_template(mount.source)):
        return  # anonymous, or checked where it is filled in
    elif mount.type == MOUNT_TYPE_VOLUME or _is_ephemeral(mount):
        at.check_name("source", mount.source)


def _is_ephemeral(mount: Mount) -> bool:
    return mount.type == MOUNT_TYPE_EPHEMERAL


def _check_template(path: str, text: str, faults: Faults) -> None:
    faults.check_read(path, lambda: check_template(text))


def _check_health(check: HealthCheck, faults: Faults) -> None:
    kind, *rest = check.test or ("",)
    fits = (
        (kind == "NONE" and not rest)
        or (kind == "CMD" and rest and rest[0])
        or (kind == "CMD-SHELL" and len(rest) == 1 and rest[0])
    )
    if not fits:
        faults.add(
            "test",
            f"is {list(check.test)}",
            "[CMD, PROGRAM, ARG...], [CMD-SHELL, LINE] or [NONE]",
            "write one of these",
        )
    for field in ("interval_s", "timeout_s", "start_period_s", "start_interval_s"):
        faults.check_duration(field, getattr(check, field))


def _check_host(entry: str, faults: Faults) -> None:
    name, _, address = entry.partition(":")
    try:
        ipaddress.ip_address(address)
    except ValueError:
        fits = address == "host-gateway"
    else:
        fits = True
    if not fits or not _HOSTNAME.fullmatch(name):
        faults.add("extra_hosts", f"has {entry!r}", "NAME:ADDRESS", "write it like db:10.0.0.5")
