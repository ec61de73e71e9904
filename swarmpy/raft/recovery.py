"""Puts log and snapshot together at start, and says so when they do not fit."""

from __future__ import annotations

from collections.abc import Mapping

from swarmpy.errors import StorageCorrupt
from swarmpy.raft.commands import membership
from swarmpy.raft.log import RaftLog
from swarmpy.raft.snapshots import Snapshot, SnapshotStore


def recover(log: RaftLog, store: SnapshotStore, keep: int) -> Snapshot | None:
    """Read both back; return the snapshot that the state machine is to start from.

    A crash may come between a snapshot from the leader and the log's new beginning: then
    the log ends before the snapshot or differs at its entry, and begins anew after it.

    Raises:
        StorageCorrupt: the log is damaged, or begins after everything the snapshot holds.
    """
    snapshot = store.recover()
    log.recover()
    held_index = snapshot.index if snapshot is not None else 1
    if log.first_index > held_index:
        raise StorageCorrupt(
            f"the Raft log begins at entry {log.first_index}, and no whole snapshot in "
            f"{store.directory} holds what was before",
            remedy="remove this manager from the swarm and join it anew",
        )
    if snapshot is None:
        return None
    if log.term_at(snapshot.index) == snapshot.term:
        log.rest_on(snapshot.index, snapshot.members)
        log.forget_below(max(log.first_index, snapshot.index - keep))
    else:
        log.restart_at(snapshot.index, snapshot.term, snapshot.members)
        log.sync_now()
    return snapshot


def bootstrap(log: RaftLog, members: Mapping[str, str]) -> None:
    """Make these the first members, unless the log has begun already. Raises OSError."""
    if log.last_index == 1 and log.term == 0:
        log.append(membership(members), 2, 0)
        log.sync_now()
