"""The files the log is written to: one grows, older ones wait to be removed whole.

    log-0000000001  log-0000000002  log-0000000003   <- records are appended here
    `------- synced, never written again -------'

Only the last file may end in a torn record. Each file begins with the ballot, so that any
older one can go without forgetting a vote.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog

from swarmpy.errors import StorageCorrupt
from swarmpy.pb.raft_pb2 import RaftBallot, RaftRecord
from swarmpy.raft.records import frame, read_records, was_durable
from swarmpy.seams import AppendFile, Disk

log = structlog.get_logger()

PREFIX = "log-"


@dataclass(slots=True)
class _Segment:
    number: int
    path: Path
    last_index: int = 0
    """The highest entry that was ever written to it."""


class Segments:
    """`recover` first. OSError goes through; a failed write leaves everything as it was."""

    def __init__(self, disk: Disk, directory: Path, segment_bytes: int) -> None:
        self._disk = disk
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._segments: list[_Segment] = []
        self._waiting: list[tuple[int, bytes]] = []
        """(index or 0, payload) of records that are not in the file yet."""
        self._file: AppendFile | None = None
        self._size = 0
        self._durable = 0

    # --- start

    def recover(self) -> Iterator[RaftRecord]:
        """Yield every record in order and cut a torn tail; what was yielded is durable.

        Raises:
            StorageCorrupt: a file is damaged where it was synced, or missing.
        """
        self._disk.make_dir(self._directory)
        names = [n for n in self._disk.list_dir(self._directory) if n.startswith(PREFIX)]
        for position, name in enumerate(names):
            segment = _Segment(int(name.removeprefix(PREFIX)), self._directory / name)
            self._check_order(segment)
            self._segments.append(segment)
            for payload in self._read(segment.path, is_last=position == len(names) - 1):
                record = RaftRecord.FromString(payload)
                segment.last_index = max(segment.last_index, record.entry.index)
                yield record
        if self._segments:
            self._file = self._disk.append_to(self._segments[-1].path)
            self._file.sync_now()

    def _check_order(self, segment: _Segment) -> None:
        if self._segments and segment.number != self._segments[-1].number + 1:
            raise StorageCorrupt(
                f"a file of the Raft log is missing before {segment.path}",
                remedy="remove this manager from the swarm and join it anew",
            )

    def _read(self, path: Path, *, is_last: bool) -> list[bytes]:
        data = self._disk.read(path)
        payloads, end = read_records(data)
        if end < len(data):
            if not is_last or was_durable(data, end):
                raise StorageCorrupt(
                    f"the Raft log is damaged: {path} at byte {end}",
                    remedy="remove this manager from the swarm and join it anew",
                )
            log.warning("raft_log_tail_cut", path=str(path), bytes=len(data) - end)
            self._disk.truncate(path, end)
        self._size = self._durable = end
        return payloads

    # --- writing

    def put(self, record: RaftRecord) -> None:
        """Queue a record for the next `write_out`."""
        self._waiting.append((record.entry.index, record.SerializeToString()))

    def take_back(self, count: int) -> None:
        """Forget the last `count` records that were queued and not written."""
        assert 0 < count <= len(self._waiting)
        del self._waiting[-count:]

    def write_out(self) -> bool:
        """Write what is queued with one append; False when there was nothing."""
        if not self._waiting:
            return False
        file, segment = self._current()
        pieces: list[bytes] = []
        size = self._size
        for _, payload in self._waiting:
            pieces.append(frame(payload, size, self._durable))
            size += len(pieces[-1])
        file.append(b"".join(pieces))
        self._size = size
        segment.last_index = max(segment.last_index, *(index for index, _ in self._waiting), 0)
        self._waiting.clear()
        return True

    async def sync(self) -> None:
        """Return when everything written before the call is durable."""
        file, _ = self._current()
        size = self._size
        await file.sync()
        self._durable = max(self._durable, size)

    def sync_now(self) -> None:
        file, _ = self._current()
        file.sync_now()
        self._durable = self._size

    def rotate_if_full(self, ballot: RaftBallot) -> None:
        """Begin a new file when this one is large. No `sync` may be under way."""
        if self._size >= self._segment_bytes and not self._waiting:
            self.begin(ballot)

    def begin(self, ballot: RaftBallot) -> None:
        """Begin a new file; the old one is synced for the last time."""
        number = 1
        if self._segments:
            self.sync_now()
            number = self._segments[-1].number + 1
        path = self._directory / f"{PREFIX}{number:010d}"
        file = self._disk.append_to(path)
        first = frame(RaftRecord(ballot=ballot).SerializeToString(), 0, 0)
        try:
            file.append(first)
            file.sync_now()
        except OSError:
            file.close()
            self._disk.remove(path)
            raise
        if self._file is not None:
            self._file.close()
        self._segments.append(_Segment(number, path))
        self._file = file
        self._size = self._durable = len(first)

    def remove_below(self, index: int) -> None:
        """Remove the oldest files as long as all their entries are below `index`."""
        while len(self._segments) > 1 and self._segments[0].last_index < index:
            self._disk.remove(self._segments.pop(0).path)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def is_new(self) -> bool:
        """There is no file yet."""
        return not self._segments

    def _current(self) -> tuple[AppendFile, _Segment]:
        assert self._file is not None, "begin() or recover() comes first"
        return self._file, self._segments[-1]
