"""Which of the nodes is the one that the commands speak with."""

from __future__ import annotations

from pathlib import Path

from swarmpy.client.address import LocalSocket, resolve
from swarmpy.client.identity import read_identity
from swarmpy.daemon.settings import default_state_dir
from swarmpy.errors import InvalidInput


def node_id_here() -> str:
    """Return the id of this machine's node; "" when the commands speak with another machine."""
    where = resolve(None)
    if not isinstance(where, LocalSocket):
        return ""
    beside = where.path.parent
    return _node_id(beside) or _node_id(default_state_dir())


def _node_id(directory: Path) -> str:
    try:
        return read_identity(directory).node_id
    except InvalidInput:
        return ""
