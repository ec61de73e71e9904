"""A ring of data keys as a file: each key wrapped under one that is kept elsewhere."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.protobuf.message import DecodeError

from swarmpy.errors import PermissionDenied, StorageCorrupt
from swarmpy.pb.keys_pb2 import (
    WRAPPED_UNDER_NODE_KEY,
    WRAPPED_UNDER_UNLOCK_KEY,
    KeyFile,
    KeyRing,
    WrappedKey,
    WrappedUnder,
)
from swarmpy.seams import Disk
from swarmpy.security.data_keys import KEY_BYTES, DataKeys

FORMAT: Final = 1
NONCE_BYTES: Final = 12
KEYS_MAX: Final = 10_000
REMEDY: Final = "restore it from a copy, or take this node out of the swarm and join it anew"


@dataclass(frozen=True, slots=True)
class Label:
    """What a key file says of itself to anybody; a change of it makes the keys unreadable."""

    cluster_id: str
    node_id: str
    purpose: str
    """What the data keys are for: "node" or "raft"."""
    under: WrappedUnder.ValueType = WRAPPED_UNDER_NODE_KEY
    source: str = ""
    """How the node's key is found."""
    salt: bytes = b""
    cluster_version: int = 0
    """Version of the Cluster row that this follows."""

    @property
    def is_autolocked(self) -> bool:
        return self.under == WRAPPED_UNDER_UNLOCK_KEY

    def under_node_key(self, *, cluster_version: int) -> Label:
        return replace(self, under=WRAPPED_UNDER_NODE_KEY, cluster_version=cluster_version)

    def under_unlock_key(self, *, cluster_version: int) -> Label:
        return replace(self, under=WRAPPED_UNDER_UNLOCK_KEY, cluster_version=cluster_version)


def encode(label: Label, keys: DataKeys, key: bytes, rng: random.Random) -> bytes:
    """Return the file's bytes, with every data key wrapped under `key`."""
    assert len(key) == KEY_BYTES, len(key)
    wrapped = []
    for key_id, data_key in sorted(keys.keys.items()):
        nonce = rng.randbytes(NONCE_BYTES)
        sealed = AESGCM(key).encrypt(nonce, data_key, _bound(label, key_id))
        wrapped.append(WrappedKey(id=key_id, nonce=nonce, wrapped=sealed))
    ring = KeyRing(
        cluster_id=label.cluster_id,
        node_id=label.node_id,
        purpose=label.purpose,
        under=label.under,
        source=label.source,
        salt=label.salt,
        cluster_version=label.cluster_version,
        keys=wrapped,
    ).SerializeToString(deterministic=True)
    file = KeyFile(format=FORMAT, ring=ring, sha256=hashlib.sha256(ring).digest())
    return file.SerializeToString(deterministic=True)


class ClosedRing:
    """A key file that was read and not opened."""

    def __init__(self, path: Path, label: Label, wrapped: list[WrappedKey]) -> None:
        self.path = path
        self.label = label
        self._wrapped = wrapped

    @classmethod
    def read(cls, disk: Disk, path: Path, *, node_id: str, purpose: str) -> ClosedRing | None:
        """Return what is there; None when there is no such file.

        Raises:
            StorageCorrupt: it is damaged, of a newer format, or another node's.
        """
        try:
            data = disk.read(path)
        except FileNotFoundError:
            return None
        ring = _ring(path, data)
        if (ring.node_id, ring.purpose) != (node_id, purpose):
            raise StorageCorrupt(
                f"{path} holds the {ring.purpose} keys of node {ring.node_id}, "
                f"not the {purpose} keys of node {node_id}",
                remedy="put back the file that belongs here",
            )
        label = Label(
            ring.cluster_id,
            ring.node_id,
            ring.purpose,
            ring.under,
            ring.source,
            ring.salt,
            ring.cluster_version,
        )
        return cls(path, label, list(ring.keys))

    def open(self, key: bytes) -> DataKeys:
        """Return the data keys. Raises PermissionDenied when `key` is not the one."""
        try:
            return DataKeys(
                {
                    one.id: AESGCM(key).decrypt(one.nonce, one.wrapped, _bound(self.label, one.id))
                    for one in self._wrapped
                }
            )
        except InvalidTag as error:
            raise PermissionDenied(f"this key does not open {self.path}") from error


def _ring(path: Path, data: bytes) -> KeyRing:
    try:
        file = KeyFile.FromString(data)
        if file.format > FORMAT:
            raise StorageCorrupt(
                f"{path} was written by a newer swarmpy (format {file.format})",
                remedy="install the version of swarmpy that wrote it, or a newer one",
            )
        ring = KeyRing.FromString(file.ring)
    except DecodeError as error:
        raise StorageCorrupt(f"{path} is damaged", remedy=REMEDY) from error
    is_sound = (
        file.format == FORMAT
        and file.sha256 == hashlib.sha256(file.ring).digest()
        and ring.under in {WRAPPED_UNDER_NODE_KEY, WRAPPED_UNDER_UNLOCK_KEY}
        and 0 < len(ring.keys) <= KEYS_MAX
        and all(key.id and len(key.nonce) == NONCE_BYTES for key in ring.keys)
    )
    if not is_sound:
        raise StorageCorrupt(f"{path} is damaged", remedy=REMEDY)
    return ring


def _bound(label: Label, key_id: int) -> bytes:
    text = "\0".join(
        str(part)
        for part in (
            "swarmpy keys",
            FORMAT,
            label.cluster_id,
            label.node_id,
            label.purpose,
            label.under,
            label.source,
            label.salt.hex(),
            label.cluster_version,
            key_id,
        )
    )
    return text.encode()
