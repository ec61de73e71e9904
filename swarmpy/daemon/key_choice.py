"""Which key source a new node gets, and which one a node has."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from swarmpy.daemon import credentials
from swarmpy.daemon.key_source import (
    AnySource,
    CredentialSource,
    FileSource,
    KeyringSource,
    PassphraseSource,
)
from swarmpy.errors import InvalidInput, WrongState

KINDS: Final = ("auto", "systemd", "keyring", "file", "passphrase")
KEY_DIRECTORY: Final = "SWARMPY_KEY_DIR"


@dataclass(frozen=True, slots=True)
class KeyWish:
    """What was asked for at `init` or `join`."""

    source: str = "auto"
    beside_data: bool = False
    """The key's file may lie within the state directory."""
    passphrase: str = field(default="", repr=False)


NO_WISH: Final = KeyWish()


def chosen(wish: KeyWish, node_id: str, state_dir: Path) -> AnySource:
    """Return the source that was asked for. Raises InvalidInput."""
    kind, _, path = wish.source.partition(":")
    if kind not in KINDS or (path and kind != "file"):
        raise InvalidInput(
            f"key source {wish.source!r}: expected one of {', '.join(KINDS)}",
            remedy="file takes a path: --key-source file:/media/stick/node-key",
        )
    if kind == "auto":
        kind = "systemd" if credentials.passed() is not None else "file"
    match kind:
        case "systemd":
            return CredentialSource()
        case "keyring":
            return KeyringSource(node_id)
        case "passphrase":
            return PassphraseSource(b"", wish.passphrase)
        case _:
            pass
    place = Path(path).absolute() if path else default_directory() / node_id
    _refuse_beside_data(place, state_dir, allowed=wish.beside_data)
    return FileSource(place)


def named(name: str, node_id: str, salt: bytes) -> AnySource:
    """Return the source that a key file names."""
    kind, _, path = name.partition(":")
    match kind:
        case "systemd":
            return CredentialSource()
        case "keyring":
            return KeyringSource(node_id)
        case "passphrase":
            return PassphraseSource(salt)
        case "file":
            return FileSource(Path(path))
        case _:
            raise WrongState(
                f"this node's key comes from {name!r}, which this swarmpy does not know",
                remedy="run the version of swarmpy that made this node, or a newer one",
            )


def default_directory() -> Path:
    """Return where key files are kept: /etc/swarmpy/keys for root, else the user's own place."""
    if given := os.environ.get(KEY_DIRECTORY, ""):
        return Path(given).absolute()
    if os.geteuid() == 0:
        return Path("/etc/swarmpy/keys")
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "swarmpy/keys"


def _refuse_beside_data(place: Path, state_dir: Path, *, allowed: bool) -> None:
    if allowed or not place.resolve().is_relative_to(state_dir.resolve()):
        return
    raise InvalidInput(
        f"the key {place} would lie beside the files that it opens, in {state_dir}: "
        "whoever copies them could read them",
        remedy="give another place, or say that you want this: --key-beside-data",
    )
