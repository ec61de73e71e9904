"""A backup as a file: the swarm's whole state, encrypted, and recognised when it is damaged."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.protobuf.message import DecodeError

from swarmpy.errors import InvalidInput, PermissionDenied
from swarmpy.pb.keys_pb2 import (
    BACKUP_KEY_KIND_PASSPHRASE,
    BACKUP_KEY_KIND_RECOVERY_KEY,
    BackupContent,
    BackupFile,
    BackupHeader,
)
from swarmpy.security.operator_keys import RECOVERY_KEY
from swarmpy.security.passphrase import SALT_BYTES, key_of

MAGIC: Final = b"SwarmPy backup\n"
FORMAT: Final = 1
NONCE_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class BackupKey:
    """What opens a backup: a passphrase of somebody's, or a recovery key made for it."""

    key: bytes = field(repr=False)
    salt: bytes = b""
    """Empty: a recovery key."""

    @staticmethod
    def from_passphrase(passphrase: str, rng: random.Random) -> BackupKey:
        """Raises InvalidInput when it is too short or too long."""
        salt = rng.randbytes(SALT_BYTES)
        return BackupKey(key_of(passphrase, salt), salt)

    @staticmethod
    def create(rng: random.Random) -> BackupKey:
        return BackupKey(RECOVERY_KEY.create(rng))


def encode(
    content: BackupContent, cluster_id: str, made_at_ms: int, key: BackupKey, rng: random.Random
) -> bytes:
    """Return the file's bytes."""
    kind = BACKUP_KEY_KIND_PASSPHRASE if key.salt else BACKUP_KEY_KIND_RECOVERY_KEY
    nonce = rng.randbytes(NONCE_BYTES)
    header = BackupHeader(
        cluster_id=cluster_id, made_at_ms=made_at_ms, key_kind=kind, salt=key.salt, nonce=nonce
    ).SerializeToString(deterministic=True)
    sealed = AESGCM(key.key).encrypt(nonce, content.SerializeToString(), _bound(header))
    file = BackupFile(format=FORMAT, header=header, sealed=sealed, sha256=_sum(header, sealed))
    return MAGIC + file.SerializeToString(deterministic=True)


class ClosedBackup:
    """A backup that was read and not opened."""

    def __init__(self, name: str, data: bytes) -> None:
        """Raises InvalidInput: it is no backup, cut short, damaged, or of a newer format."""
        self._name = name
        if not data.startswith(MAGIC):
            raise InvalidInput(f"{name} is no backup of a swarm")
        try:
            file = BackupFile.FromString(data.removeprefix(MAGIC))
        except DecodeError as error:
            raise self._damaged() from error
        if file.format > FORMAT:
            raise InvalidInput(
                f"{name} was written by a newer swarmpy (format {file.format})",
                remedy="install the version of swarmpy that wrote it, or a newer one",
            )
        if file.format != FORMAT or file.sha256 != _sum(file.header, file.sealed):
            raise self._damaged()
        self.header = BackupHeader.FromString(file.header)
        self._raw_header = file.header
        self._sealed = file.sealed

    @property
    def wants_passphrase(self) -> bool:
        return self.header.key_kind == BACKUP_KEY_KIND_PASSPHRASE

    def open(self, typed: str) -> BackupContent:
        """Return what is inside, given a passphrase or a recovery key.

        Raises:
            PermissionDenied: it is another one.
            InvalidInput: it is no recovery key.
        """
        if self.wants_passphrase:
            key = key_of(typed, self.header.salt)
        else:
            key = RECOVERY_KEY.parse(typed)
        try:
            plain = AESGCM(key).decrypt(self.header.nonce, self._sealed, _bound(self._raw_header))
        except InvalidTag as error:
            what = "passphrase" if self.wants_passphrase else "recovery key"
            raise PermissionDenied(
                f"this {what} does not open {self._name}",
                remedy="give the one that was used, or shown, when the backup was made",
            ) from error
        return BackupContent.FromString(plain)

    def _damaged(self) -> InvalidInput:
        return InvalidInput(
            f"{self._name} is damaged or not complete", remedy="use another copy of the backup"
        )


def _sum(header: bytes, sealed: bytes) -> bytes:
    return hashlib.sha256(len(header).to_bytes(8, "big") + header + sealed).digest()


def _bound(header: bytes) -> bytes:
    return b"swarmpy backup %d\0" % FORMAT + header
