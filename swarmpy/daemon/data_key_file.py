"""A node's two key files: `node-keys.pb` for its own small files, `raft-keys.pb` for its log.

The node's key opens the first always. It opens the second too, until autolock is on: then the
swarm's unlock key does, which is on no disk unless encrypted.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from swarmpy.daemon.key_choice import named
from swarmpy.daemon.key_source import AnySource, MadeKey
from swarmpy.errors import PermissionDenied, StorageCorrupt
from swarmpy.pb.objects_pb2 import Cluster
from swarmpy.seams import Disk
from swarmpy.security.data_keys import DataKeys
from swarmpy.security.key_file import KEYS_MAX, ClosedRing, Label, encode
from swarmpy.security.operator_keys import UNLOCK_KEY

NODE: Final = "node"
RAFT: Final = "raft"


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """The key files of one state directory."""

    disk: Disk
    state_dir: Path
    node_id: str
    cluster_id: str
    rng: random.Random
    """In production a `random.SystemRandom`."""

    def create(self, source: AnySource, made: MadeKey) -> DataKeys:
        """Begin: write a new ring for the node's own files."""
        label = Label(self.cluster_id, self.node_id, NODE, source=source.name, salt=made.salt)
        keys = DataKeys.create(self.rng)
        self.disk.replace(self._path(NODE), encode(label, keys, made.key, self.rng))
        return keys

    def node_ring(self) -> ClosedRing:
        """Return the ring for the node's own files. Raises StorageCorrupt."""
        ring = self._read(NODE)
        if ring is None:
            raise StorageCorrupt(
                f"{self._path(NODE)} is missing: without it this node's files cannot be read",
                remedy="restore it, or take this node out of the swarm and join it anew",
            )
        return ring

    def source(self) -> AnySource:
        """Return where the node's key is. Raises StorageCorrupt, WrongState."""
        label = self.node_ring().label
        return named(label.source, self.node_id, label.salt)

    def raft_ring(self) -> ClosedRing | None:
        """Return the ring for the log; None before this node was a manager.

        Raises:
            StorageCorrupt: it cannot be read.
        """
        return self._read(RAFT)

    def open_raft(self, node_key: bytes, ring: ClosedRing, key: bytes) -> RaftKeys:
        """Open the log's ring. Raises PermissionDenied."""
        return RaftKeys(self, node_key, ring.label, ring.open(key), key)

    def create_raft(self, node_key: bytes) -> RaftKeys:
        """Begin: write a new ring for the log."""
        label = Label(self.cluster_id, self.node_id, RAFT)
        keys = RaftKeys(self, node_key, label, DataKeys.create(self.rng), node_key)
        keys.save()
        return keys

    def save_raft(self, label: Label, keys: DataKeys, key: bytes) -> None:
        self.disk.replace(self._path(RAFT), encode(label, keys, key, self.rng))

    def forget_raft(self) -> None:
        """The log is gone, so its keys go too."""
        self.disk.remove(self._path(RAFT))

    def _read(self, purpose: str) -> ClosedRing | None:
        return ClosedRing.read(
            self.disk, self._path(purpose), node_id=self.node_id, purpose=purpose
        )

    def _path(self, purpose: str) -> Path:
        return self.state_dir / f"{purpose}-keys.pb"


class RaftKeys:
    """The log's data keys, open. What is in memory is on disk before it is used."""

    def __init__(
        self, files: KeyFiles, node_key: bytes, label: Label, keys: DataKeys, key: bytes
    ) -> None:
        self._files = files
        self._node_key = node_key
        self._label = label
        self._key = key
        self.keys = keys

    @property
    def is_autolocked(self) -> bool:
        return self._label.is_autolocked

    def follow(self, cluster: Cluster) -> bool:
        """Wrap the keys as the swarm says now, beside a new one; False when nothing changed.

        A row older than the one that was followed last says nothing: a log that is read again
        at start shows the swarm as it was. Raises OSError.
        """
        wanted = cluster.unlock_key or self._node_key
        if cluster.version <= self._label.cluster_version or wanted == self._key:
            return False
        version = cluster.version
        label = (
            self._label.under_unlock_key(cluster_version=version)
            if cluster.unlock_key
            else self._label.under_node_key(cluster_version=version)
        )
        keys = self.keys
        if len(keys.keys) < KEYS_MAX:
            keys = keys.with_new_key(self._files.rng)
        self._files.save_raft(label, keys, wanted)
        self._label, self.keys, self._key = label, keys, wanted
        return True

    def save(self) -> None:
        self._files.save_raft(self._label, self.keys, self._key)


def opener(files: KeyFiles, node_key: bytes, ring: ClosedRing) -> Callable[[str], RaftKeys]:
    """Return what opens an autolocked ring with the unlock key that somebody types.

    It raises InvalidInput for what is no unlock key, and PermissionDenied for another one.
    """

    def open_with(typed: str) -> RaftKeys:
        key = UNLOCK_KEY.parse(typed)
        try:
            return files.open_raft(node_key, ring, key)
        except PermissionDenied as error:
            raise PermissionDenied(
                "this unlock key does not open this manager",
                remedy="swarmpy unlock-key on another manager shows the key; a manager that was "
                "down while it was rotated still opens with the one before",
            ) from error

    return open_with
