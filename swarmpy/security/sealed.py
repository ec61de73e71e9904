"""Seals a node's small files with its own keys: a stolen disk shows their lengths and no more.

Each writing has a key of its own, HKDF-SHA256 of the node's and a random salt of 32 bytes, so it
does not matter how often files are written: no nonce can meet itself under one key.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from google.protobuf.message import DecodeError

from swarmpy.errors import StorageCorrupt
from swarmpy.pb.keys_pb2 import SealedFile
from swarmpy.security.data_keys import KEY_BYTES, DataKeys

FORMAT: Final = 1
SALT_BYTES: Final = 32
_INFO: Final = b"swarmpy node file, format 1"
_NONCE: Final = bytes(12)
"""Always the same: no key is used twice."""


@dataclass(frozen=True, slots=True)
class Seal:
    """AES-256-GCM. A file opens under its own name and on its own node only."""

    keys: DataKeys = field(repr=False)
    node_id: str
    rng: random.Random = field(repr=False)
    """Salts come from it: in production a `random.SystemRandom`."""

    def close(self, plain: bytes, name: str) -> bytes:
        """Return what may stand on a disk."""
        key_id, salt = self.keys.newest_id, self.rng.randbytes(SALT_BYTES)
        sealed = self._cipher(key_id, salt).encrypt(_NONCE, plain, self._bound(name, key_id))
        return SealedFile(
            format=FORMAT, key_id=key_id, salt=salt, sealed=sealed
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
        if file.format != FORMAT or len(file.salt) != SALT_BYTES:
            raise _damaged(name)
        cipher = self._cipher(file.key_id, file.salt)
        try:
            return cipher.decrypt(_NONCE, file.sealed, self._bound(name, file.key_id))
        except InvalidTag as error:
            raise _damaged(name) from error

    def _cipher(self, key_id: int, salt: bytes) -> AESGCM:
        kdf = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=_INFO)
        return AESGCM(kdf.derive(self.keys.key(key_id)))

    def _bound(self, name: str, key_id: int) -> bytes:
        return f"swarmpy file {FORMAT}\0{self.node_id}\0{name}\0{key_id}".encode()


def _damaged(name: str) -> StorageCorrupt:
    return StorageCorrupt(
        f"{name} is damaged, or not this node's",
        remedy="restore it, or take this node out of the swarm and join it anew",
    )
