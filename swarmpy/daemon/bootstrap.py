"""What `swarmpy init`, `join` and `leave` do on this machine. Everything that people must hear
about happens in the caller's process; only then does a daemon start.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from swarmpy.core.gossip.profile import check_profile
from swarmpy.daemon import systemd
from swarmpy.daemon.clock import SystemClock
from swarmpy.daemon.data_key_file import KeyFiles
from swarmpy.daemon.farewell import Farewell
from swarmpy.daemon.first import Founding
from swarmpy.daemon.key_choice import NO_WISH, KeyWish, chosen
from swarmpy.daemon.key_source import AnySource
from swarmpy.daemon.known_managers import KnownManagers
from swarmpy.daemon.new_node import all_or_nothing, check_place, first_identity, new_keys
from swarmpy.daemon.settings import Settings, load, save
from swarmpy.daemon.supervise import log_file, pid_file
from swarmpy.errors import SwarmPyError, TimedOut
from swarmpy.ids import IdSource
from swarmpy.raft.disk import LocalDisk
from swarmpy.rpc.grpc_transport import answers
from swarmpy.rpc.join_client import join
from swarmpy.security.certificates import Authority, NodeIdentity, new_key_and_csr
from swarmpy.security.operator_keys import UNLOCK_KEY

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class Prepared:
    """A node that can be started."""

    settings: Settings
    key_to_keep: str = field(default="", repr=False)
    """Set: what the operator must write down, for this node waits for it after a boot."""


def prepare_first(
    settings: Settings,
    wish: KeyWish = NO_WISH,
    *,
    autolock: bool = False,
    gossip_profile: str = "default",
) -> Prepared:
    """Make this machine the first manager of a new swarm, without starting it.

    Raises:
        WrongState: it is in a swarm already, a port is taken, or its directory is not empty or
            cannot be written.
        EngineUnavailable: it shall use a Docker Engine, and none answers.
        InvalidInput: the node's key cannot be kept where it was wished; there is no such profile.
    """
    settings = settings.checked()
    check_profile(gossip_profile)
    _source(settings, wish, "anybody")  # what cannot be granted leaves nothing behind
    disk = LocalDisk()
    check_place(settings, disk)
    rng, clock = random.SystemRandom(), SystemClock()
    ids = IdSource(rng)
    cluster_id = ids.new_id()
    unlock_key = UNLOCK_KEY.create(rng) if autolock else b""
    authority = Authority.create(cluster_id, clock.now())
    founding = Founding(cluster_id, authority, unlock_key, gossip_profile)
    identity = first_identity(founding.authority, cluster_id, ids.new_id(), clock.now())
    source = _source(settings, wish, identity.node_id)
    with all_or_nothing(settings, disk) as undo:
        made = new_keys(settings, disk, identity, source, undo)
        founding.save(disk, settings.state_dir, made.seal)
        identity.save(disk, settings.state_dir)
        save(settings, disk)
    return Prepared(settings, made.to_keep)


def prepare_joining(
    settings: Settings, address: str, token: str, wish: KeyWish = NO_WISH
) -> Prepared:
    """Get this machine a certificate of the swarm at `address`, without starting it.

    Raises:
        WrongState: as `prepare_first`.
        InvalidInput: the node's key cannot be kept where it was wished.
        TokenRefused, Unavailable, InvalidInput: as `swarmpy.rpc.join_client.join`.
    """
    settings = settings.checked()
    _source(settings, wish, "anybody")  # what cannot be granted must cost no token
    disk = LocalDisk()
    check_place(settings, disk)
    key_pem, csr_pem = new_key_and_csr()
    with all_or_nothing(settings, disk) as undo:
        response = asyncio.run(join(address, token, csr_pem, int(SystemClock().now() * 1000)))
        identity = NodeIdentity.read(response.certificate_pem, key_pem, response.ca_certificate_pem)
        source = _source(settings, wish, identity.node_id)
        made = new_keys(settings, disk, identity, source, undo)
        KnownManagers(disk, settings.state_dir).replace(
            response.api_addresses, {one.node_id: one.raft_address for one in response.members}
        )
        identity.save(disk, settings.state_dir)
        save(settings, disk)
    return Prepared(settings, made.to_keep)


def start(settings: Settings) -> None:
    """Start the daemon of a prepared node, and return once it answers. Raises TimedOut."""
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


def run_foreground(settings: Settings) -> None:
    """Become the daemon of a prepared node."""
    os.execv(sys.executable, [sys.executable, "-m", "swarmpy.daemon", str(settings.state_dir)])


def settings_here(settings: Settings) -> Settings:
    """Return the settings of the node that lives in `settings.state_dir`. Raises WrongState."""
    return load(settings.state_dir, LocalDisk())


def leave(settings: Settings) -> None:
    """`swarmpy leave`: stop the daemon, which tells the other nodes; remove this node's tasks, and
    forget the swarm.

    Raises:
        WrongState: this machine is in no swarm.
        TimedOut: the daemon does not stop.
    """
    settings = load(settings.state_dir, LocalDisk())
    with contextlib.suppress(OSError):  # a full disk: then the others find it out by themselves
        Farewell(LocalDisk(), settings.state_dir).want()
    stop(settings)
    wipe = [sys.executable, "-m", "swarmpy.daemon.wipe", str(settings.state_dir)]
    subprocess.run(wipe, check=False)
    _forget_key(settings)
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


def _source(settings: Settings, wish: KeyWish, node_id: str) -> AnySource:
    return chosen(wish, node_id, settings.state_dir)


def _forget_key(settings: Settings) -> None:
    """Remove the node's key, wherever it is: nothing is left that it opens."""
    disk = LocalDisk()
    try:
        identity = NodeIdentity.load(disk, settings.state_dir)
        if identity is not None:
            KeyFiles(
                disk,
                settings.state_dir,
                identity.node_id,
                identity.cluster_id,
                random.SystemRandom(),
            ).source().forget()
    except (SwarmPyError, OSError) as error:
        sys.stderr.write(f"warning: the node's key was not removed: {error}\n")


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
