"""The whole state at one entry, in a file that is valid only when it is complete.

    snapshot-00000000000000010000

The one before is removed only when the new one is durable. The file is sealed for this manager
alone; what travels to a follower is the state itself, which the receiver seals for itself.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import structlog

from swarmpy.raft import refused
from swarmpy.raft.sealing import Sealing
from swarmpy.raft.snapshot_file import (
    Snapshot,
    SnapshotFileWriter,
    StoredSnapshot,
    checked,
    read_snapshot,
)
from swarmpy.seams import Clock, Disk

log = structlog.get_logger()

_NAME: Final = re.compile(r"snapshot-(\d{20})")


class SnapshotStore:
    """Keeps the newest snapshot on disk."""

    def __init__(
        self, disk: Disk, directory: Path, clock: Clock, chunk_bytes: int, sealing: Sealing
    ) -> None:
        self.directory = directory
        self._disk = disk
        self._clock = clock
        self._chunk_bytes = chunk_bytes
        self._sealing = sealing
        self._newest: str | None = None
        self.index = 0
        """The last entry in the newest snapshot; 0 without one."""
        self.log_number = 0
        """The newest log file when it was begun; 0 without one."""
        self.unfinished: Path | None = None
        """A file that `recover` found incomplete or damaged."""

    def recover(self) -> Snapshot | None:
        """Return the newest valid snapshot; one that was never finished is none.

        Raises:
            StorageCorrupt: one was altered, or is not of this manager.
        """
        self._disk.make_dir(self.directory)
        for name in reversed(self._names()):
            path = self.directory / name
            stored = read_snapshot(self._disk.read(path), path, self._sealing)
            if stored is None:
                log.warning("raft_snapshot_incomplete", path=str(path))
                self.unfinished = self.unfinished or path
                continue
            snapshot = checked(stored, path)
            if name != _name(snapshot.index):
                raise refused.renamed(path, _name(snapshot.index))
            self._newest, self.index = name, snapshot.index
            self.log_number = stored.log_number
            return snapshot
        return None

    async def save(self, snapshot: Snapshot, log_number: int) -> int:
        """Write a snapshot, durable on return, and return its size; then older files go.

        Read, sealed and written in pieces, so that the loop runs on. Raises OSError; a full
        disk keeps nothing.
        """
        name = _name(snapshot.index)
        path = self.directory / name
        self._disk.remove(path)
        try:
            size = await self._write(path, snapshot, log_number)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                self._disk.remove(path)
            raise
        self._newest, self.index, self.log_number = name, snapshot.index, log_number
        for other in self._names():
            if other != name:
                self._disk.remove(self.directory / other)
        return size

    def read(self) -> StoredSnapshot | None:
        """Return the newest snapshot, to be sent. Raises StorageCorrupt."""
        if self._newest is None:
            return None
        path = self.directory / self._newest
        stored = read_snapshot(self._disk.read(path), path, self._sealing)
        if stored is None:
            raise refused.damaged(path, 0)
        return stored

    async def _write(self, path: Path, snapshot: Snapshot, log_number: int) -> int:
        writer = SnapshotFileWriter(self._sealing, path.name, log_number)
        size = 0
        file = self._disk.append_to(path)
        try:
            file.append(writer.head)
            for chunk in _in_chunks(snapshot.state, self._chunk_bytes):
                if chunk:
                    size += len(chunk)
                    file.append(writer.chunk(chunk))
                await self._clock.sleep(0)
            file.append(writer.end(snapshot))
            await file.sync()
        finally:
            file.close()
        return size

    def _names(self) -> list[str]:
        return [n for n in self._disk.list_dir(self.directory) if _NAME.fullmatch(n)]


def _name(index: int) -> str:
    return f"snapshot-{index:020d}"


def _in_chunks(pieces: Iterable[bytes], chunk_bytes: int) -> Iterator[bytes]:
    """Yield the pieces joined and cut to one size; b"" where the caller may take a breath."""
    gathered: list[bytes] = []
    room = chunk_bytes
    for piece in pieces:
        start = 0
        while len(piece) - start >= room:
            gathered.append(piece[start : start + room])
            yield b"".join(gathered)
            start += room
            gathered, room = [], chunk_bytes
        if start < len(piece):
            gathered.append(piece[start:])
            room -= len(piece) - start
        yield b""
    if gathered:
        yield b"".join(gathered)
