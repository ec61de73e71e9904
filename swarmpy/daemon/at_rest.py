"""A manager whose daemon does not manage: its files opened with its keys, for backup and rescue."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from swarmpy.daemon.clock import SystemClock
from swarmpy.daemon.data_key_file import KeyFiles, RaftKeys, opener
from swarmpy.daemon.manager_part import raft_directory
from swarmpy.daemon.settings import Settings, load
from swarmpy.errors import StorageCorrupt, WrongState
from swarmpy.ids import IdSource
from swarmpy.pb.keys_pb2 import BackupContent
from swarmpy.pb.local_pb2 import LOCK_KIND_UNLOCK_KEY, LockKind
from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER
from swarmpy.raft.commands import Members
from swarmpy.raft.disk import LocalDisk
from swarmpy.raft.offline import Offline
from swarmpy.raft.sealing import Sealing
from swarmpy.security.certificates import NodeIdentity
from swarmpy.store.store import Store

Ask = Callable[[LockKind.ValueType], str]
"""Asks the operator for the key of a lock."""


@dataclass(frozen=True, slots=True)
class ManagerAtRest:
    """Opened with what the operator gave."""

    settings: Settings
    identity: NodeIdentity
    offline: Offline
    unlock_key: str
    """As it was typed; "" while autolock is off."""

    def read(self) -> tuple[Store, int, Members]:
        """Return the state, the last term and the members, as far as this manager had them.

        Raises:
            StorageCorrupt: the log cannot be trusted.
        """
        store = new_store()
        term, members = self.offline.read_into(store)
        if not len(store.view.clusters):
            raise WrongState(
                f"{self.settings.state_dir} holds no swarm yet",
                remedy="start the daemon: it joins or founds the swarm first",
            )
        return store, term, members

    def backup(self) -> BackupContent:
        """Return what `swarmpy backup` would get from a manager that runs. Raises as `read`."""
        store, term, _ = self.read()
        return BackupContent(index=store.index, term=term, state=b"".join(store.as_bytes()))


def open_manager(settings: Settings, ask: Ask) -> ManagerAtRest:
    """Open the files of the manager in `settings.state_dir`.

    Raises:
        WrongState: no manager lives there.
        PermissionDenied, InvalidInput: the key that was given is another one.
        StorageCorrupt: a file cannot be read.
    """
    disk, rng = LocalDisk(), random.SystemRandom()
    settings = load(settings.state_dir, disk)
    identity = NodeIdentity.load(disk, settings.state_dir)
    if identity is None or identity.role != NODE_ROLE_MANAGER:
        raise WrongState(
            f"the node in {settings.state_dir} is no manager",
            remedy="run the command on a manager: managers hold what the swarm knows",
        )
    files = KeyFiles(disk, settings.state_dir, identity.node_id, identity.cluster_id, rng)
    source = files.source()
    node_key = source.find()
    if node_key is None:
        node_key = source.typed(ask(source.lock_kind))
    files.node_ring().open(node_key)  # a wrong key is told here
    typed, keys = _open_raft(files, node_key, ask)
    sealing = Sealing(identity.cluster_id, keys.keys, rng)
    offline = Offline(disk, raft_directory(settings), SystemClock(), sealing)
    return ManagerAtRest(settings, identity, offline, typed)


def _open_raft(files: KeyFiles, node_key: bytes, ask: Ask) -> tuple[str, RaftKeys]:
    ring = files.raft_ring()
    if ring is None:
        raise StorageCorrupt(
            "raft-keys.pb is missing: without it this manager's log cannot be read",
            remedy="restore it, or take this node out of the swarm and join it anew",
        )
    if not ring.label.is_autolocked:
        return "", files.open_raft(node_key, ring, node_key)
    typed = ask(LOCK_KIND_UNLOCK_KEY)
    return typed, opener(files, node_key, ring)(typed)


def new_store() -> Store:
    """Return an empty store that nobody replicates."""
    return Store(SystemClock(), IdSource(random.SystemRandom()))
