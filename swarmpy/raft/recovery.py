"""Puts log and snapshot together at start, and says so when they do not fit."""

from __future__ import annotations

from collections.abc import Mapping

from swarmpy.raft import refused
from swarmpy.raft.commands import Voter, membership, transaction
from swarmpy.raft.log import RaftLog
from swarmpy.raft.snapshot_file import Snapshot
from swarmpy.raft.snapshots import SnapshotStore


def recover(log: RaftLog, store: SnapshotStore, keep: int) -> Snapshot | None:
    """Read both back; return the snapshot that the state machine is to start from.

    A crash may come between a snapshot from the leader and the log's new beginning: then
    the log ends before the snapshot or differs at its entry, and begins anew after it.

    Raises:
        StorageCorrupt: one of them is damaged or not of this manager, the log begins after
            everything the snapshot holds, or files are missing that there were.
    """
    snapshot = store.recover()
    log.recover(reaches=store.log_number)
    held_index = snapshot.index if snapshot is not None else 1
    if log.first_index > held_index:
        why = f": {store.unfinished} is damaged or unfinished" if store.unfinished else ""
        raise refused.does_not_reach(log.first_index, store.directory, why)
    if snapshot is None:
        return None
    if log.term_at(snapshot.index) == snapshot.term:
        log.rest_on(snapshot.index, snapshot.members)
        log.forget_below(max(log.first_index, snapshot.index - keep))
    else:
        log.restart_at(snapshot.index, snapshot.term, snapshot.members)
        if log.term < snapshot.term:  # there was no log: the snapshot came from a backup
            log.set_ballot(snapshot.term, None)
        log.sync_now()
    return snapshot


def bootstrap(log: RaftLog, addresses: Mapping[str, str]) -> None:
    """Make these the first members, unless the log has begun already. Raises OSError.

    Each of several writes the same entry, so nobody's log id is in it.
    """
    if log.last_index == 1 and log.term == 0:
        members = {node_id: Voter(address) for node_id, address in addresses.items()}
        log.append(membership(members), 2, 0)
        log.sync_now()


def go_on_alone(log: RaftLog, node_id: str, address: str, entry: bytes) -> None:
    """Make this the only member, when most of the others are lost for good, and append a
    transaction of the state machine behind that. Offline: nobody may be using the log.

    Everything in the log is kept, also what was never acknowledged. Whoever comes back with the
    old members has an older term and is no member: two logs never become one.

    Raises:
        OSError: the disk fails; a log without the new membership is as it was.
    """
    term = log.term + 1
    log.set_ballot(term, None)
    alone = membership({node_id: Voter(address, log.log_id)})
    log.append(alone, log.last_index + 1, term)
    log.append(transaction(entry), log.last_index + 1, term)
    log.sync_now()
