"""A manager's log and snapshots while no manager runs on them: read, continued, or begun."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from swarmpy.raft.commands import TRANSACTION, Members
from swarmpy.raft.log import RaftLog
from swarmpy.raft.recovery import go_on_alone, recover
from swarmpy.raft.sealing import Sealing
from swarmpy.raft.segments import Segments
from swarmpy.raft.settings import RaftSettings
from swarmpy.raft.snapshot_file import Snapshot
from swarmpy.raft.snapshots import SnapshotStore
from swarmpy.seams import AppendFile, Clock, Disk, StateMachine


@dataclass(frozen=True, slots=True)
class Offline:
    """One directory. Every call reads the files anew."""

    disk: Disk
    directory: Path
    clock: Clock
    sealing: Sealing

    def read_into(self, machine: StateMachine) -> tuple[int, Members]:
        """Apply all that is on disk, also what may never have been acknowledged; change nothing.

        Return the last term and the members.

        Raises:
            StorageCorrupt: it cannot be trusted.
        """
        log, snapshot = self._open(_ReadOnly(self.disk))
        held_index = 1
        if snapshot is not None:
            machine.restore(snapshot.state)
            held_index = snapshot.index
        for command, index, _ in log.entries:
            if index > held_index and command[0] == TRANSACTION:
                machine.apply(index, command[1:])
        term, members = log.term, log.members
        log.close()
        return term, members

    def go_on_alone(self, node_id: str, address: str, entry: bytes) -> None:
        """As `recovery.go_on_alone`. Raises StorageCorrupt, OSError."""
        log, _ = self._open(self.disk)
        try:
            go_on_alone(log, node_id, address, entry)
        finally:
            log.close()

    async def begin_with(self, snapshot: Snapshot) -> None:
        """Make a new log that begins after a snapshot. Raises OSError."""
        store = self._snapshots(self.disk)
        self.disk.make_dir(store.directory)
        await store.save(snapshot, log_number=0)

    def _open(self, disk: Disk) -> tuple[RaftLog, Snapshot | None]:
        settings = RaftSettings()
        directory = self.directory / "log"
        log = RaftLog(Segments(disk, directory, settings.segment_bytes, self.sealing))
        return log, recover(log, self._snapshots(disk), settings.snapshot_keep)

    def _snapshots(self, disk: Disk) -> SnapshotStore:
        chunk_bytes = RaftSettings().snapshot_chunk_bytes
        directory = self.directory / "snapshots"
        return SnapshotStore(disk, directory, self.clock, chunk_bytes, self.sealing)


class _ReadOnly:
    """A disk on which nothing changes: recovery would cut a torn tail."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    def make_dir(self, path: Path) -> None:
        pass

    def list_dir(self, path: Path) -> list[str]:
        return self._disk.list_dir(path)

    def read(self, path: Path) -> bytes:
        return self._disk.read(path)

    def append_to(self, path: Path, ahead_bytes: int = 0) -> AppendFile:
        del path, ahead_bytes
        return _Nowhere()

    def replace(self, path: Path, data: bytes) -> None:
        pass

    def truncate(self, path: Path, size: int) -> None:
        pass

    def remove(self, path: Path) -> None:
        pass


class _Nowhere:
    def append(self, data: bytes) -> None:
        pass

    def sync(self) -> asyncio.Future[None]:
        raise AssertionError("nothing is written here beside the loop")

    def sync_now(self) -> None:
        pass

    def trim(self) -> None:
        pass

    def close(self) -> None:
        pass
