"""The whole state at one entry, in a file that is valid only when it is complete.

    snapshot-00000000000000010000:   record(RaftSnapshotHeader) | state

The header holds the state's length and checksum, so a file cut short by a crash is no
snapshot. The one before is removed only when the new one is durable. The bytes of the file
are also what travels to a follower that is too far behind.
"""

from __future__ import annotations

import errno
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from swarmpy.pb.raft_pb2 import RaftSnapshotHeader
from swarmpy.raft.commands import Members, decode_members, encode_members
from swarmpy.raft.records import frame, record_at
from swarmpy.seams import Clock, Disk

log = structlog.get_logger()

PREFIX: Final = "snapshot-"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state after entry `index` was applied."""

    index: int
    term: int
    members: Members
    state: bytes


def encode(snapshot: Snapshot) -> bytes:
    header = RaftSnapshotHeader(
        index=snapshot.index,
        term=snapshot.term,
        members=encode_members(snapshot.members),
        state_bytes=len(snapshot.state),
        state_crc32=zlib.crc32(snapshot.state),
    )
    return frame(header.SerializeToString(), 0, 0) + snapshot.state


def decode(data: bytes) -> Snapshot | None:
    """Return what a file holds; None when it is incomplete or damaged."""
    record = record_at(data, 0)
    if record is None:
        return None
    header = RaftSnapshotHeader.FromString(record.payload)
    state = data[record.end :]
    if len(state) != header.state_bytes or zlib.crc32(state) != header.state_crc32:
        return None
    return Snapshot(header.index, header.term, decode_members(header.members), state)


class SnapshotStore:
    """Keeps the newest snapshot on disk."""

    def __init__(self, disk: Disk, directory: Path, clock: Clock, chunk_bytes: int) -> None:
        self._disk = disk
        self.directory = directory
        self._clock = clock
        self._chunk_bytes = chunk_bytes
        self._newest: str | None = None
        self.index = 0
        """The last entry in the newest snapshot; 0 without one."""

    def recover(self) -> Snapshot | None:
        """Return the newest valid snapshot; one that was never finished is none."""
        self._disk.make_dir(self.directory)
        names = [n for n in self._disk.list_dir(self.directory) if n.startswith(PREFIX)]
        for name in reversed(names):
            snapshot = decode(self._disk.read(self.directory / name))
            if snapshot is not None:
                self._newest, self.index = name, snapshot.index
                return snapshot
            log.warning("raft_snapshot_incomplete", path=str(self.directory / name))
        return None

    async def save(self, data: bytes, index: int) -> None:
        """Write an encoded snapshot, durable on return; then older files go.

        Written in pieces, so that the loop runs on. Raises OSError; a full disk keeps nothing.
        """
        name = f"{PREFIX}{index:020d}"
        path = self.directory / name
        self._disk.remove(path)
        try:
            await self._write(path, data)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                self._disk.remove(path)
            raise
        self._newest, self.index = name, index
        for other in self._disk.list_dir(self.directory):
            if other.startswith(PREFIX) and other != name:
                self._disk.remove(self.directory / other)

    def read(self) -> bytes | None:
        """Return the newest snapshot as it travels."""
        return self._disk.read(self.directory / self._newest) if self._newest else None

    async def _write(self, path: Path, data: bytes) -> None:
        file = self._disk.append_to(path)
        try:
            for start in range(0, len(data), self._chunk_bytes):
                file.append(data[start : start + self._chunk_bytes])
                await self._clock.sleep(0)
            await file.sync()
        finally:
            file.close()
