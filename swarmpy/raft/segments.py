"""The files the log is written to: one grows, older ones wait to be removed whole.

    log-0000000001  log-0000000002  log-0000000003   <- records are appended here
    `--- synced, never written again ----'

    header | batch(ballot) | batch | batch ...          what is written at once is one record

Only the last file may end in a torn record, or in zeros that were written ahead. Each file
begins with the ballot, so that any older one can go without forgetting a vote, and with the size
of the one before, so that none can lose its end. It appears whole up to there. Every start goes
on in a new file, made when there is something to write: sealing.py says why.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from swarmpy.pb.raft_pb2 import RaftBallot, RaftBatch, RaftRecord
from swarmpy.raft import refused
from swarmpy.raft.commands import Entry
from swarmpy.raft.file_header import FileHeader, make_header
from swarmpy.raft.log_file import LogFile, read_log_file
from swarmpy.raft.records import HEAD_BYTES, Kind, frame, padding_bytes
from swarmpy.raft.sealing import TAG_BYTES, Sealing
from swarmpy.seams import AppendFile, Disk

log = structlog.get_logger()

_NAME: Final = re.compile(r"log-(\d{10})")
_BATCH_BYTES: Final = 1 << 20
"""More than this in commands is written as several records."""
_FIELD_BYTES: Final = 2
"""What a short field takes beside its content."""


@dataclass(slots=True)
class _Segment:
    number: int
    path: Path
    size: int
    last_index: int = 0
    """The highest entry that was ever written to it, or that a log in it begins after."""


@dataclass(slots=True)
class _Open:
    """The file that grows."""

    file: AppendFile
    header: FileHeader
    durable_bytes: int
    next_number: int
    """Counts what was sealed, also what could not be written."""


class Segments:
    """`recover` first. OSError goes through; a failed write leaves everything as it was."""

    def __init__(
        self,
        disk: Disk,
        directory: Path,
        segment_bytes: int,
        sealing: Sealing,
        ahead_bytes: int = 0,
    ) -> None:
        self.directory = directory
        self._disk = disk
        self._segment_bytes = segment_bytes
        self._sealing = sealing
        self._ahead_bytes = ahead_bytes
        self._segments: list[_Segment] = []
        self._waiting: list[Entry | RaftRecord] = []
        """What is not in the file yet. Entries are most of it: they become records as one."""
        self._open: _Open | None = None
        self._syncing_bytes = 0

    # --- start

    def recover(self) -> Iterator[RaftRecord]:
        """Yield every record in order and cut a torn tail; what was yielded is durable.

        Raises:
            StorageCorrupt: a file is damaged where it was synced, missing, or of others.
        """
        self._disk.make_dir(self.directory)
        names = [n for n in self._disk.list_dir(self.directory) if _NAME.fullmatch(n)]
        before: LogFile | None = None
        for name in names:
            path = self.directory / name
            data = self._disk.read(path)
            number = int(name.removeprefix("log-"))
            if self._segments and number != self.newest_number + 1:
                raise refused.missing_before(path)
            file = read_log_file(data, path, self._sealing, before, is_last=name == names[-1])
            self._check_size_before(file)
            if not file.end:
                self._disk.remove(path)
                break
            self._cut(path, data, file.end)
            self._segments.append(_Segment(number, path, file.end))
            yield from self._noted(file.records)
            before = file
        if self._segments:
            self._make_durable(self._segments[-1].path)

    def _check_size_before(self, file: LogFile) -> None:
        if self._segments and file.previous_bytes is not None:
            before = self._segments[-1]
            if before.size != file.previous_bytes:
                raise refused.resized(before.path, before.size, file.previous_bytes)

    def _cut(self, path: Path, data: bytes, end: int) -> None:
        torn = data[end:].rstrip(b"\0")
        if torn:
            log.warning("raft_log_tail_cut", path=str(path), bytes=len(torn))
        if end < len(data):
            self._disk.truncate(path, end)

    def _noted(self, records: list[RaftRecord]) -> Iterator[RaftRecord]:
        segment = self._segments[-1]
        for record in records:
            segment.last_index = max(segment.last_index, _index_of(record))
            yield record

    def _make_durable(self, path: Path) -> None:
        """Sync what a killed process may have written and not synced."""
        file = self._disk.append_to(path)
        try:
            file.sync_now()
        finally:
            file.close()

    def new_log_id(self) -> int:
        """Return 64 bits of chance, never 0."""
        return self._sealing.rng.getrandbits(64) | 1

    # --- writing

    def put(self, record: Entry | RaftRecord) -> None:
        """Queue an entry, or a record of something else, for the next `write_out`."""
        self._waiting.append(record)

    def take_back(self, count: int) -> None:
        """Forget the last `count` records that were queued and not written."""
        assert 0 < count <= len(self._waiting)
        del self._waiting[-count:]

    @property
    def has_waiting(self) -> bool:
        """Something is queued."""
        return bool(self._waiting)

    def write_out(self, ballot: RaftBallot) -> None:
        """Write what is queued, which must be something, with one append.

        The first after a start begins a file with `ballot`.
        """
        if self._open is None:
            self.begin(ballot)
        file, segment = self._current()
        framed = self._framed(file, segment.size)
        file.file.append(framed)
        segment.size += len(framed)
        segment.last_index = max(segment.last_index, *map(_index_of, self._waiting))
        self._waiting.clear()

    def _framed(self, file: _Open, offset: int) -> bytes:
        pieces: list[bytes] = []
        for batch in _batches(self._waiting):
            payload = _payload(batch, offset)
            number, file.next_number = file.next_number, file.next_number + 1
            seal = file.header.seal
            pieces.append(frame(seal, Kind.BATCH, number, payload, offset, file.durable_bytes))
            offset += len(pieces[-1])
        return b"".join(pieces)

    def begin_sync(self) -> asyncio.Future[None]:
        """Begin to make durable what is written; `synced` follows when the future is done. One at
        a time.
        """
        file, segment = self._current()
        self._syncing_bytes = segment.size
        return file.file.sync()

    def synced(self) -> None:
        """Take note that the sync that was begun last is done."""
        file, _ = self._current()
        file.durable_bytes = max(file.durable_bytes, self._syncing_bytes)

    def sync_now(self) -> None:
        if self._open is not None:
            file, segment = self._current()
            file.file.sync_now()
            file.durable_bytes = segment.size

    @property
    def is_full(self) -> bool:
        """It is time to `begin` a new file: this one is large, or there is a newer data key than
        its own.
        """
        if self._open is None or self._waiting:
            return False
        if self._segments[-1].size >= self._segment_bytes:
            return True
        return self._open.header.content.data_key_id != self._sealing.keys.newest_id

    def begin(self, ballot: RaftBallot) -> None:
        """Begin a new file; the old one is synced for the last time. No sync may be under way."""
        self._finish()
        number = self.newest_number + 1
        previous_bytes = self._segments[-1].size if self._segments else 0
        path = self.directory / f"log-{number:010d}"
        header = make_header(self._sealing, path.name, previous_bytes=previous_bytes)
        first = _payload([RaftRecord(ballot=ballot)], len(header.data))
        data = header.data + frame(header.seal, Kind.BATCH, 0, first, len(header.data))
        self._disk.replace(path, data)
        file = self._disk.append_to(path, self._ahead_bytes)
        self.close()
        self._segments.append(_Segment(number, path, len(data)))
        self._open = _Open(file, header, durable_bytes=len(data), next_number=1)

    def _finish(self) -> None:
        """Let the file that grows end where its last record does. Should there be no room for a
        new one, it goes on growing.
        """
        if self._open is not None:
            file, segment = self._current()
            file.file.trim()
            file.durable_bytes = segment.size

    def remove_below(self, index: int) -> None:
        """Remove the oldest files as long as all their entries are below `index`."""
        while len(self._segments) > 1 and self._segments[0].last_index < index:
            self._disk.remove(self._segments.pop(0).path)

    def close(self) -> None:
        if self._open is not None:
            self._open.file.close()
            self._open = None

    @property
    def newest_number(self) -> int:
        """The number of the last file; 0 when there is none yet."""
        return self._segments[-1].number if self._segments else 0

    def _current(self) -> tuple[_Open, _Segment]:
        assert self._open is not None, "nothing was written yet"
        return self._open, self._segments[-1]


def _index_of(record: Entry | RaftRecord) -> int:
    """Return the entry that a record is needed for; 0 for one that each file begins with."""
    if isinstance(record, tuple):
        return record[1]
    return record.entry.index or record.base.index


def _payload(records: Sequence[Entry | RaftRecord], offset: int) -> bytes:
    """Return a batch that is to stand at an offset, padded if need be."""
    batch = RaftBatch()
    add = batch.records.add
    for record in records:
        if isinstance(record, tuple):
            entry = add().entry  # filled in place: half the time of making it first
            entry.command, entry.index, entry.term = record
        else:
            add().CopyFrom(record)
    missing = padding_bytes(offset + HEAD_BYTES + batch.ByteSize() + TAG_BYTES)
    if missing:
        batch.padding = bytes(max(missing - _FIELD_BYTES, 1))
    return batch.SerializeToString()


def _batches(records: list[Entry | RaftRecord]) -> Iterator[list[Entry | RaftRecord]]:
    """Yield the records in lists that one record of the file can hold each."""
    batch: list[Entry | RaftRecord] = []
    size = 0
    for record in records:
        batch.append(record)
        if isinstance(record, tuple):
            size += len(record[0])
        if size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
