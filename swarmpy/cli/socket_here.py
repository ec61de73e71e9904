"""Where the daemon of this very machine listens."""

from __future__ import annotations

from pathlib import Path

from swarmpy.client.address import LocalSocket, resolve
from swarmpy.daemon.settings import is_member, load
from swarmpy.errors import InvalidInput
from swarmpy.raft.disk import LocalDisk


def socket_here(state_dir: Path | None) -> Path:
    """Return the socket of the node in `state_dir`; without one, what SWARMPY_HOST names.

    Raises:
        InvalidInput: SWARMPY_HOST names another machine.
        WrongState: no node lives in `state_dir`.
    """
    if state_dir is not None:
        return load(state_dir.absolute(), LocalDisk()).socket_path
    where = resolve(None)
    if not isinstance(where, LocalSocket):
        raise InvalidInput(
            "this can be done only on the node's own machine, and SWARMPY_HOST names another",
            remedy="run it there, or unset SWARMPY_HOST",
        )
    return where.path


def state_dir_here(state_dir: Path | None, default: Path) -> Path:
    """Return where the node of this machine lives: beside its socket, unless that is said."""
    if state_dir is not None:
        return state_dir.absolute()
    beside = socket_here(None).parent
    return beside if is_member(beside) else default
