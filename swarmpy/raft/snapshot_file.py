"""A snapshot as a file: its state sealed in chunks, one after the other, and what it is behind.

    header | CHUNK 0 | CHUNK 1 | ... | END(RaftSnapshotHeader)

Each chunk is bound to its number and place, and only the last record is an END: a file cut
short, or one whose chunks were swapped, dropped or repeated, is no snapshot.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import google_crc32c

from swarmpy.pb.raft_pb2 import RaftSnapshotHeader
from swarmpy.raft import old_format, refused
from swarmpy.raft.commands import Members, decode_members, encode_members
from swarmpy.raft.file_header import FileHeader, make_header, read_header
from swarmpy.raft.records import Kind, Record, frame, opened, whole_records
from swarmpy.raft.sealing import Sealing


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state after entry `index` was applied."""

    index: int
    term: int
    members: Members
    state: Iterable[bytes]
    """Its bytes in pieces; may be readable only once."""

    @staticmethod
    def of(header: RaftSnapshotHeader, state: Iterable[bytes]) -> Snapshot:
        return Snapshot(header.index, header.term, decode_members(header.members), state)


class SnapshotFileWriter:
    """Makes the bytes of a snapshot's file, piece by piece; their order is that of the calls."""

    def __init__(self, sealing: Sealing, name: str, log_number: int) -> None:
        header = make_header(sealing, name, log_number=log_number)
        self.head = header.data
        """What the file begins with."""
        self._seal = header.seal
        self._offset = len(header.data)
        self._number = 0
        self._state_bytes = 0
        self._crc = 0

    def chunk(self, data: bytes) -> bytes:
        """Return the record that holds the next part of the state."""
        self._crc = google_crc32c.extend(self._crc, data)
        self._state_bytes += len(data)
        return self._record(Kind.CHUNK, data)

    def end(self, snapshot: Snapshot) -> bytes:
        """Return the last record."""
        header = RaftSnapshotHeader(
            index=snapshot.index,
            term=snapshot.term,
            members=encode_members(snapshot.members),
            state_bytes=self._state_bytes,
            state_crc32c=self._crc,
        )
        return self._record(Kind.END, header.SerializeToString(deterministic=True))

    def _record(self, kind: Kind, payload: bytes) -> bytes:
        record = frame(self._seal, kind, self._number, payload, self._offset)
        self._number += 1
        self._offset += len(record)
        return record


class StoredSnapshot:
    """A snapshot read from its file; chunks are opened when they are asked for."""

    def __init__(
        self,
        header: RaftSnapshotHeader,
        starts: list[int],
        chunk: Callable[[int], bytes],
        log_number: int,
    ) -> None:
        self.header = header
        self.log_number = log_number
        """There was a log file of this number when it was begun."""
        self._starts = starts
        self._chunk = chunk

    def piece(self, offset: int, max_bytes: int) -> bytes:
        """Return up to `max_bytes` of the state from an offset on. Raises StorageCorrupt."""
        if offset >= self.header.state_bytes:
            return b""
        number = bisect_right(self._starts, offset) - 1
        within = offset - self._starts[number]
        return self._chunk(number)[within : within + max_bytes]

    def state(self) -> Iterator[bytes]:
        """Yield all of the state. Raises StorageCorrupt."""
        for number in range(len(self._starts)):
            yield self._chunk(number)


def read_snapshot(data: bytes, path: Path, sealing: Sealing) -> StoredSnapshot | None:
    """Return what a file holds; None when it was never finished, or its plain part is damaged.

    Raises:
        StorageCorrupt: it was altered, or this manager may not read it here.
    """
    header = read_header(data, path, sealing)
    if header is None:
        return _read_old(data)
    chunks: list[Record] = []
    for record in whole_records(data, len(header.data)):
        if record.number != len(chunks):
            raise refused.altered(path, record.offset)
        if record.kind == Kind.END and record.end == len(data):
            return _finished(data, path, header, chunks, record)
        chunks.append(record)
    return None


def _finished(
    data: bytes, path: Path, header: FileHeader, chunks: list[Record], end: Record
) -> StoredSnapshot:
    def payload(record: Record, kind: Kind) -> bytes:
        plain = opened(data, record, header.seal) if record.kind == kind else None
        if plain is None:
            raise refused.altered(path, record.offset)
        return plain

    content = RaftSnapshotHeader.FromString(payload(end, Kind.END))
    starts = [0, *accumulate(record.payload_bytes for record in chunks)]
    if starts.pop() != content.state_bytes:
        raise refused.altered(path, end.offset)
    return StoredSnapshot(
        content,
        starts,
        lambda number: payload(chunks[number], Kind.CHUNK),
        header.content.log_number,
    )


def _read_old(data: bytes) -> StoredSnapshot | None:
    old = old_format.read_snapshot(data)
    if old is None:
        return None
    header, state = old
    header.state_crc32c = google_crc32c.value(state)
    return StoredSnapshot(header, [0], lambda _: state, log_number=1)


def checked(stored: StoredSnapshot, path: Path) -> Snapshot:
    """Return the whole snapshot. Raises StorageCorrupt when anything of it was altered."""
    state = list(stored.state())
    if crc_of(state) != stored.header.state_crc32c:
        raise refused.altered(path, 0)
    return Snapshot.of(stored.header, state)


def crc_of(pieces: Iterable[bytes]) -> int:
    crc = 0
    for piece in pieces:
        crc = google_crc32c.extend(crc, piece)
    return int(crc)
