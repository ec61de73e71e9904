"""Where the swarm is: the local daemon's socket, or managers by host and port."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from swarmpy.errors import InvalidInput
from swarmpy.rpc.address import join_address, split_address

SYSTEM_SOCKET = Path("/run/swarmpy/swarmpy.sock")
"""Where root's daemon listens."""
API_PORT = 2378
"""Managers' port for clients, when an address names none."""
UNIX = "unix://"
ADDRESSES_LIMIT = 16


@dataclass(frozen=True, slots=True)
class LocalSocket:
    """The daemon of this machine; the socket's file mode says who may ask it."""

    path: Path

    @property
    def target(self) -> str:
        """The address as gRPC spells it."""
        return f"unix:{self.path}"


@dataclass(frozen=True, slots=True)
class Managers:
    """Managers elsewhere, asked in turn; they want a certificate."""

    targets: tuple[str, ...]


def default_socket(environment: Mapping[str, str], *, root: bool) -> Path:
    """Return the socket that a daemon of this user listens on."""
    if root:
        return SYSTEM_SOCKET
    state_home = environment.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state_home) / "swarmpy" / "swarmpy.sock"


def resolve(address: str | None) -> LocalSocket | Managers:
    """Return what `address` names; None asks SWARMPY_HOST, and without it the local socket.

    Raises:
        InvalidInput: it is neither `unix:///path` nor `host[:port][,host[:port]...]`.
    """
    text = (address if address is not None else os.environ.get("SWARMPY_HOST", "")).strip()
    if not text:
        return LocalSocket(default_socket(os.environ, root=os.geteuid() == 0))
    if text.startswith(UNIX):
        path = Path(text.removeprefix(UNIX))
        if not path.is_absolute():
            raise _refused(text)
        return LocalSocket(path)
    targets = tuple(_target(part.strip(), text) for part in text.split(","))
    if len(targets) > ADDRESSES_LIMIT:
        raise InvalidInput(f"{len(targets)} addresses are more than {ADDRESSES_LIMIT}")
    return Managers(targets)


def _target(part: str, whole: str) -> str:
    if not part or "/" in part or " " in part:
        raise _refused(whole)
    address = part if ":" in part.rpartition("]")[2] else f"{part}:{API_PORT}"
    try:
        host, port = split_address(address)
    except InvalidInput as error:
        raise _refused(whole) from error
    if not port:
        raise _refused(whole)
    return join_address(host, port)


def _refused(text: str) -> InvalidInput:
    return InvalidInput(
        f"{text!r} is not the address of a swarm",
        remedy=f"write {UNIX}{SYSTEM_SOCKET} or manager.example:{API_PORT}",
    )
