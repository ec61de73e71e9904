"""Where a node's own key is: the one that opens its files, and never lies beside them.

| source | the key is | after a boot |
|---|---|---|
| systemd | a credential of the unit: $CREDENTIALS_DIRECTORY/swarmpy-key | there |
| file | in a 0600 file of another directory | there |
| keyring | in the kernel's keyring | gone: the node waits for `swarmpy unlock` |
| passphrase | made from what somebody types | the same, unless SWARMPY_PASSPHRASE names a file |
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from swarmpy.daemon import credentials, kernel_keyring
from swarmpy.errors import InvalidInput, PermissionDenied, WrongState
from swarmpy.pb.local_pb2 import (
    LOCK_KIND_NODE_KEY,
    LOCK_KIND_NONE,
    LOCK_KIND_PASSPHRASE,
    LockKind,
)
from swarmpy.raft.disk import LocalDisk
from swarmpy.security.operator_keys import NODE_KEY
from swarmpy.security.passphrase import SALT_BYTES, key_of

PASSPHRASE_FILE: Final = "SWARMPY_PASSPHRASE"  # noqa: S105  names a variable
MODE_OF_OTHERS: Final = 0o077


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A node's new key."""

    key: bytes = field(repr=False)
    salt: bytes = b""
    to_keep: str = field(default="", repr=False)
    """What the operator must write down: nobody else will have it after a boot."""


class KeySource(Protocol):
    """One place."""

    @property
    def name(self) -> str:
        """As the key file says it."""

    @property
    def lock_kind(self) -> LockKind.ValueType:
        """What people are asked for where `find` finds nothing."""

    def make(self, rng: random.Random) -> MadeKey:
        """Put a new key there. Raises SwarmPyError, OSError."""

    def find(self) -> bytes | None:
        """Return the key; None when somebody has to bring it.

        Raises:
            WrongState, PermissionDenied, InvalidInput: it should be there, and cannot be used.
        """

    def typed(self, text: str) -> bytes:
        """Return the key that somebody brought. Raises InvalidInput."""

    def keep(self, key: bytes) -> None:
        """Put back a key that somebody brought, if that is how it works."""

    def forget(self) -> None:
        """Remove the key for good."""


@dataclass(frozen=True, slots=True)
class FileSource:
    path: Path
    lock_kind: LockKind.ValueType = LOCK_KIND_NONE

    @property
    def name(self) -> str:
        return f"file:{self.path}"

    def make(self, rng: random.Random) -> MadeKey:
        if self.path.exists():
            raise WrongState(
                f"{self.path} exists: it may open another node's files",
                remedy="move it away, or give another place: --key-source file:PATH",
            )
        key, disk = NODE_KEY.create(rng), LocalDisk()
        try:
            disk.make_dir(self.path.parent)
            disk.replace(self.path, NODE_KEY.shown(key).encode() + b"\n")
        except OSError as error:
            raise WrongState(
                f"the node's key cannot be written to {self.path}: {error.strerror}",
                remedy="give another place: --key-source file:PATH",
            ) from error
        return MadeKey(key)

    def find(self) -> bytes | None:
        try:
            mode, text = self.path.stat().st_mode, self.path.read_bytes()
        except OSError as error:
            raise WrongState(
                f"the key that opens this node's files cannot be read: {self.path}: "
                f"{error.strerror}",
                remedy="put the file back, or take this node out of the swarm and join it anew",
            ) from error
        if mode & MODE_OF_OTHERS:
            raise PermissionDenied(
                f"{self.path} may be read by others", remedy=f"chmod 600 {self.path}"
            )
        return NODE_KEY.parse(text.decode(errors="replace"))

    def typed(self, text: str) -> bytes:
        return NODE_KEY.parse(text)

    def keep(self, key: bytes) -> None:
        """Nothing: it is where it was."""

    def forget(self) -> None:
        LocalDisk().remove(self.path)


@dataclass(frozen=True, slots=True)
class CredentialSource:
    name: str = "systemd"
    lock_kind: LockKind.ValueType = LOCK_KIND_NONE

    def make(self, rng: random.Random) -> MadeKey:
        """Use the credential that is there; else make one, encrypted for this machine."""
        found = credentials.passed()
        if found is not None:
            return MadeKey(found)
        return MadeKey(credentials.make(rng))

    def find(self) -> bytes | None:
        found = credentials.passed()
        if found is None:
            raise WrongState(
                f"systemd has passed no credential {credentials.NAME} to this process",
                remedy=f"start the node by its unit, with LoadCredential={credentials.NAME}:...",
            )
        return found

    def typed(self, text: str) -> bytes:
        return NODE_KEY.parse(text)

    def keep(self, key: bytes) -> None:
        """Nothing: systemd passes it again."""

    def forget(self) -> None:
        credentials.forget()


@dataclass(frozen=True, slots=True)
class KeyringSource:
    node_id: str
    name: str = "keyring"
    lock_kind: LockKind.ValueType = LOCK_KIND_NODE_KEY

    def make(self, rng: random.Random) -> MadeKey:
        key = NODE_KEY.create(rng)
        self.keep(key)
        return MadeKey(key, to_keep=NODE_KEY.shown(key))

    def find(self) -> bytes | None:
        return kernel_keyring.find(self._description)

    def typed(self, text: str) -> bytes:
        return NODE_KEY.parse(text)

    def keep(self, key: bytes) -> None:
        kernel_keyring.put(self._description, key)

    def forget(self) -> None:
        kernel_keyring.remove(self._description)

    @property
    def _description(self) -> str:
        return f"swarmpy:{self.node_id}"


@dataclass(frozen=True, slots=True)
class PassphraseSource:
    salt: bytes
    passphrase: str = field(default="", repr=False)
    name: str = "passphrase"
    lock_kind: LockKind.ValueType = LOCK_KIND_PASSPHRASE

    def make(self, rng: random.Random) -> MadeKey:
        salt, passphrase = rng.randbytes(SALT_BYTES), self.passphrase or passphrase_of_file()
        if passphrase is None:
            raise InvalidInput(
                "no passphrase was given",
                remedy=f"type one, or let {PASSPHRASE_FILE} name a file that holds it",
            )
        return MadeKey(key_of(passphrase, salt), salt)

    def find(self) -> bytes | None:
        passphrase = passphrase_of_file()
        return None if passphrase is None else key_of(passphrase, self.salt)

    def typed(self, text: str) -> bytes:
        return key_of(text.rstrip("\n"), self.salt)

    def keep(self, key: bytes) -> None:
        """Nothing: a passphrase is in people's heads."""

    def forget(self) -> None:
        """Nothing is kept."""


AnySource: TypeAlias = FileSource | CredentialSource | KeyringSource | PassphraseSource


def passphrase_of_file() -> str | None:
    """Return what the file that SWARMPY_PASSPHRASE names holds; None when it names none."""
    path = os.environ.get(PASSPHRASE_FILE, "")
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"{PASSPHRASE_FILE} names {path}, which cannot be read: {error}",
            remedy="name a file that holds the passphrase",
        ) from error
