"""What `swarmpy init`, `join` and `leave` do on this machine. Everything that people must hear
about happens in the caller's process; only then does a daemon start.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from swarmpy.daemon import systemd
from swarmpy.daemon.clock import SystemClock
from swarmpy.daemon.engine import check_engine
from swarmpy.daemon.first import Founding
from swarmpy.daemon.known_managers import KnownManagers
from swarmpy.daemon.settings import Settings, is_member, load, save
from swarmpy.daemon.supervise import log_file, pid_file
from swarmpy.errors import StorageFull, SwarmPyError, TimedOut, WrongState
from swarmpy.ids import IdSource
from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER
from swarmpy.raft.disk import LocalDisk
from swarmpy.rpc.grpc_transport import answers
from swarmpy.rpc.join_client import join
from swarmpy.seams import Disk
from swarmpy.security.certificates import Authority, NodeIdentity, new_key_and_csr

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 20.0
FIRST_CERTIFICATE_TTL_S = 90 * 86400.0


def prepare_first(settings: Settings) -> Settings:
    """Make this machine the first manager of a new swarm, without starting it.

    Raises:
        WrongState: it is in a swarm already, a port is taken, or its directory is not empty or
            cannot be written.
        EngineUnavailable: it shall use a Docker Engine, and none answers.
    """
    settings = settings.checked()
    disk = LocalDisk()
    _check_place(settings, disk)
    ids, clock = IdSource(random.SystemRandom()), SystemClock()
    cluster_id = ids.new_id()
    founding = Founding(cluster_id, Authority.create(cluster_id, clock.now()))
    key_pem, csr_pem = new_key_and_csr()
    certificate_pem = founding.authority.sign(
        csr_pem,
        node_id=ids.new_id(),
        role=NODE_ROLE_MANAGER,
        cluster_id=founding.cluster_id,
        ttl_s=FIRST_CERTIFICATE_TTL_S,
        now_s=clock.now(),
    )
    identity = NodeIdentity.read(certificate_pem, key_pem, founding.authority.ca_certificate_pem)
    with _all_or_nothing(settings):
        disk.make_dir(settings.state_dir)
        founding.save(disk, settings.state_dir)
        identity.save(disk, settings.state_dir)
        save(settings, disk)
    return settings


def prepare_joining(settings: Settings, address: str, token: str) -> Settings:
    """Get this machine a certificate of the swarm at `address`, without starting it.

    Raises:
        WrongState: as `prepare_first`.
        TokenRefused, Unavailable, InvalidInput: as `swarmpy.rpc.join_client.join`.
    """
    settings = settings.checked()
    disk = LocalDisk()
    _check_place(settings, disk)
    key_pem, csr_pem = new_key_and_csr()
    with _all_or_nothing(settings):
        disk.make_dir(settings.state_dir)  # a token is used up only where its node can live
        response = asyncio.run(join(address, token, csr_pem, int(SystemClock().now() * 1000)))
        identity = NodeIdentity.read(response.certificate_pem, key_pem, response.ca_certificate_pem)
        KnownManagers(disk, settings.state_dir).replace(
            response.api_addresses, {one.node_id: one.raft_address for one in response.members}
        )
        identity.save(disk, settings.state_dir)
        save(settings, disk)
    return settings


def start_first(settings: Settings) -> None:
    """`swarmpy init`: prepare, start the daemon, and return once it answers."""
    _start(prepare_first(settings))


def start_joining(settings: Settings, address: str, token: str) -> None:
    """`swarmpy join`: prepare, start the daemon, and return once it answers."""
    _start(prepare_joining(settings, address, token))


def run_foreground(settings: Settings) -> None:
    """Become the daemon of a prepared node."""
    os.execv(sys.executable, [sys.executable, "-m", "swarmpy.daemon", str(settings.state_dir)])


def leave(settings: Settings) -> None:
    """`swarmpy leave`: stop the daemon, remove this node's tasks, and forget the swarm.

    Raises:
        WrongState: this machine is in no swarm.
        TimedOut: the daemon does not stop.
    """
    settings = load(settings.state_dir, LocalDisk())
    stop(settings)
    wipe = [sys.executable, "-m", "swarmpy.daemon.wipe", str(settings.state_dir)]
    subprocess.run(wipe, check=False)
    shutil.rmtree(settings.state_dir, ignore_errors=True)


def stop(settings: Settings) -> None:
    """Stop the daemon and leave everything else as it is. Raises TimedOut."""
    if systemd.runs():
        systemd.remove()
        return
    pid = running_pid(settings.state_dir)
    if pid is None:
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while _alive(pid):
        if time.monotonic() > deadline:
            raise TimedOut(
                f"the daemon (process {pid}) does not stop", remedy=f"kill -9 {pid}, then repeat"
            )
        time.sleep(0.05)


def running_pid(state_dir: Path) -> int | None:
    """Return the supervisor's process id while it runs."""
    try:
        pid = int(pid_file(state_dir).read_text())
    except (FileNotFoundError, ValueError):
        return None
    return pid if _alive(pid) else None


def _alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def _check_place(settings: Settings, disk: Disk) -> None:
    """Return when nothing stands in the way of a new node; nothing is changed."""
    if is_member(settings.state_dir):
        raise WrongState(
            f"this machine is in a swarm already: {settings.state_dir}",
            remedy="swarmpy leave first, or give another --state-dir",
        )
    if disk.list_dir(settings.state_dir):
        raise WrongState(
            f"{settings.state_dir} is not empty, and a node that leaves removes its directory",
            remedy="give a --state-dir that is new or empty",
        )
    for port in (settings.cluster_port, settings.api_port):
        family = socket.AF_INET6 if ":" in settings.listen_address else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.listen_address, port))
            except OSError as error:
                raise WrongState(
                    f"cannot listen on {settings.listen_address}:{port}: {error.strerror}",
                    remedy="stop what uses it, or choose others: --cluster-port, --api-port",
                ) from None
    check_engine(settings)


@contextlib.contextmanager
def _all_or_nothing(settings: Settings) -> Iterator[None]:
    """Leave no directory behind when the block fails; there was nothing in it before."""
    try:
        with _writing(settings):
            yield
    except SwarmPyError:
        shutil.rmtree(settings.state_dir, ignore_errors=True)
        raise


@contextlib.contextmanager
def _writing(settings: Settings) -> Iterator[None]:
    """Say in words that the state directory cannot be written. Raises WrongState, StorageFull."""
    try:
        yield
    except OSError as error:
        words = f"cannot write {settings.state_dir}: {error.strerror}"
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull(words, remedy="make room there, then repeat") from error
        raise WrongState(words, remedy="give another --state-dir, or run as root") from error


def _start(settings: Settings) -> None:
    if systemd.runs():
        systemd.install(settings)
    else:
        with log_file(settings.state_dir).open("ab") as log:
            subprocess.Popen(
                [sys.executable, "-m", "swarmpy.daemon.supervise", str(settings.state_dir)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
    _wait_until_it_answers(settings)


def _wait_until_it_answers(settings: Settings) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if answers(settings.socket_path):
            return
        time.sleep(0.05)
    log = log_file(settings.state_dir)
    last = log.read_text(errors="replace").splitlines()[-5:] if log.exists() else []
    raise TimedOut(
        "the daemon does not answer: " + " | ".join(last),
        remedy=f"read {log}; swarmpy doctor; swarmpy leave gives up",
    )
