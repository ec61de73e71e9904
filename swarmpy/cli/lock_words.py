"""What people are asked for, by the kind of lock."""

from __future__ import annotations

from swarmpy.cli.asked import ask
from swarmpy.pb.local_pb2 import (
    LOCK_KIND_NODE_KEY,
    LOCK_KIND_PASSPHRASE,
    LOCK_KIND_UNLOCK_KEY,
    LockKind,
)

WANTED = {
    LOCK_KIND_UNLOCK_KEY: "unlock key of the swarm",
    LOCK_KIND_PASSPHRASE: "passphrase of this node",
    LOCK_KIND_NODE_KEY: "key of this node",
}


def ask_for(kind: LockKind.ValueType) -> str:
    """Return what was typed. Raises InvalidInput when it is nothing."""
    return ask(WANTED[kind])
