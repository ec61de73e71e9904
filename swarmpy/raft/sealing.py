"""Encrypts what a manager writes, so that a stolen disk tells nothing.

Each file has a key of its own, HKDF-SHA256 of the data key and the file's random salt, and is
written from beginning to end by one process that counts what it seals in it. The count is the
nonce. It never goes back, not even when a write fails and another takes its place; and nobody
opens a file to append to it once more: a manager that starts cuts a torn tail and goes on in a
new file, with another salt. So no nonce is used twice under one key.
"""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from swarmpy.security.data_keys import KEY_BYTES, DataKeys

SALT_BYTES: Final = 16
TAG_BYTES: Final = 16
"""A sealed text is so much longer than the plain one."""
_INFO: Final = b"swarmpy raft file, version 2"
_NONCE: Final = struct.Struct(">4sQ")


@dataclass(slots=True)
class Sealing:
    """What log and snapshots are sealed with; `keys` may be replaced at any time."""

    cluster_id: str
    """Files of another swarm are refused."""
    keys: DataKeys
    rng: random.Random
    """Salts come from it: in production a `random.SystemRandom`."""


class FileSeal:
    """Seals and opens the parts of one file. No number may be sealed twice."""

    def __init__(self, data_key: bytes, salt: bytes) -> None:
        kdf = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=_INFO)
        self._aead = AESGCM(kdf.derive(data_key))
        self._header = b""

    def mark(self, header: bytes) -> bytes:
        """Return the tag of the file's header, which everything that is sealed is bound to."""
        self._header = header
        return self._aead.encrypt(_NONCE.pack(b"head", 0), b"", header)

    def seal(self, number: int, place: bytes, plain: bytes) -> bytes:
        """Encrypt a part, bound to the file and to the place where it stands."""
        return self._aead.encrypt(_NONCE.pack(b"part", number), plain, self._header + place)

    def open(self, number: int, place: bytes, sealed: bytes) -> bytes | None:
        """Return the plain part; None when it was not sealed here, so or by this key."""
        try:
            return self._aead.decrypt(_NONCE.pack(b"part", number), sealed, self._header + place)
        except InvalidTag:
            return None
