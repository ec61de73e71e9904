"""Seals a node's small files with its own keys: a stolen disk shows their lengths and no more."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.protobuf.message import DecodeError

from swarmpy.errors import StorageCorrupt
from swarmpy.pb.keys_pb2 import SealedFile
from swarmpy.security.data_keys import DataKeys

FORMAT: Final = 1
NONCE_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class Seal:
    """AES-256-GCM. A file opens under its own name and on its own node only."""

    keys: DataKeys = field(repr=False)
    node_id: str
    rng: random.Random = field(repr=False)
    """Nonces come from it: in production a `random.SystemRandom`."""

    def close(self, plain: bytes, name: str) -> bytes:
        """Return what may stand on a disk."""
        key_id, nonce = self.keys.newest_id, self.rng.randbytes(NONCE_BYTES)
        cipher = AESGCM(self.keys.key(key_id))
        sealed = cipher.encrypt(nonce, plain, self._bound(name, key_id))
        return SealedFile(
            format=FORMAT, key_id=key_id, nonce=nonce, sealed=sealed
        ).SerializeToString()

    def open(self, data: bytes, name: str) -> bytes:
        """Return what was sealed. Raises StorageCorrupt."""
        try:
            file = SealedFile.FromString(data)
        except DecodeError as error:
            raise _damaged(name) from error
        if file.format > FORMAT:
            raise StorageCorrupt(
                f"{name} was written by a newer swarmpy (format {file.format})",
                remedy="install the version of swarmpy that wrote it, or a newer one",
            )
        if file.format != FORMAT or len(file.nonce) != NONCE_BYTES:
            raise _damaged(name)
        cipher = AESGCM(self.keys.key(file.key_id))
        try:
            return cipher.decrypt(file.nonce, file.sealed, self._bound(name, file.key_id))
        except InvalidTag as error:
            raise _damaged(name) from error

    def _bound(self, name: str, key_id: int) -> bytes:
        return f"swarmpy file {FORMAT}\0{self.node_id}\0{name}\0{key_id}".encode()


def _damaged(name: str) -> StorageCorrupt:
    return StorageCorrupt(
        f"{name} is damaged, or not this node's",
        remedy="restore it, or take this node out of the swarm and join it anew",
    )
