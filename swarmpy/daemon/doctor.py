"""`swarmpy doctor`: looks at this machine and says what would not work, and what to do."""

from __future__ import annotations

import shutil
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from swarmpy.client.local import LocalClient
from swarmpy.daemon import systemd
from swarmpy.daemon.bootstrap import running_pid
from swarmpy.daemon.settings import Settings, is_member
from swarmpy.errors import SwarmPyError
from swarmpy.pb.local_pb2 import LOCK_KIND_NONE
from swarmpy.raft.disk import LocalDisk
from swarmpy.rpc.grpc_transport import answers
from swarmpy.runtime.detect import engine_version
from swarmpy.security.certificates import NodeIdentity

FREE_BYTES_MIN = 1 << 30
FILES_MIN = 4096
EXPIRES_SOON_S = 7 * 86400.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    name: str
    ok: bool
    what: str
    remedy: str = ""


def check(settings: Settings) -> list[Finding]:
    """Return what was found, in the order people should mend it."""
    return [
        _python(),
        _engine(settings),
        _disk(settings),
        _open_files(),
        *_node(settings),
    ]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", sys.version_info >= (3, 11), version, "install Python 3.11 or newer")


def _engine(settings: Settings) -> Finding:
    try:
        return Finding("docker", ok=True, what=engine_version(settings.docker_host))
    except SwarmPyError as error:
        remedy = error.remedy or "start it: systemctl start docker"
        return Finding("docker", ok=False, what=error.message, remedy=remedy)


def _disk(settings: Settings) -> Finding:
    place = settings.state_dir
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    return Finding(
        "disk",
        free >= FREE_BYTES_MIN,
        f"{free / (1 << 30):.1f} GiB free at {place}",
        "make room: writes are refused when the disk is full",
    )


def _open_files() -> Finding:
    import resource  # noqa: PLC0415  Linux and macOS only

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Finding("open files", hard >= FILES_MIN, f"limit {hard}", "raise it: ulimit -n 65536")


def _node(settings: Settings) -> Iterator[Finding]:
    if not is_member(settings.state_dir):
        yield from _ports(settings)
        yield Finding("node", ok=True, what="in no swarm yet; swarmpy init or swarmpy join")
        return
    yield _daemon(settings)
    yield _certificate(settings)


def _ports(settings: Settings) -> Iterator[Finding]:
    for port in settings.tcp_ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.listen_address, port))
            except OSError as error:
                yield Finding(f"port {port}", ok=False, what=str(error.strerror),
                              remedy="stop what uses it, or choose another port")  # fmt: skip
            else:
                yield Finding(f"port {port}", ok=True, what="free")


def _daemon(settings: Settings) -> Finding:
    if answers(settings.socket_path):
        if _is_locked(settings):
            return Finding("daemon", ok=False, what="is locked", remedy="swarmpy unlock")
        return Finding("daemon", ok=True, what=f"answers on {settings.socket_path}")
    pid = running_pid(settings.state_dir)
    remedy = "read " + (
        "journalctl -u swarmpy" if systemd.runs() else str(settings.state_dir / "daemon.log")
    )
    what = f"process {pid} does not answer" if pid else "does not run"
    return Finding("daemon", ok=False, what=what, remedy=remedy)


def _is_locked(settings: Settings) -> bool:
    try:
        return LocalClient(settings.socket_path).lock() != LOCK_KIND_NONE
    except SwarmPyError:
        return False


def _certificate(settings: Settings) -> Finding:
    try:
        identity = NodeIdentity.load(LocalDisk(), settings.state_dir)
    except SwarmPyError as error:
        return Finding("certificate", ok=False, what=error.message, remedy=error.remedy)
    if identity is None:
        return Finding("certificate", ok=False, what="is missing", remedy="join again")
    left_s = identity.expires_at_s - time.time()
    return Finding(
        "certificate",
        left_s > EXPIRES_SOON_S,
        f"node {identity.node_id}, {left_s / 86400:.0f} days left",
        "the node renews it while it reaches a manager: check the daemon's log",
    )
