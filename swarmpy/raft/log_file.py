"""Reads one file of the log back, of this format version or of the one before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from swarmpy.pb.raft_pb2 import RaftBatch, RaftRecord
from swarmpy.raft import old_format, refused
from swarmpy.raft.file_header import FileHeader, read_header
from swarmpy.raft.records import Kind, is_torn, opened, whole_records
from swarmpy.raft.sealing import Sealing


@dataclass(frozen=True, slots=True)
class LogFile:
    """What a file holds up to `end`; what is behind that is a torn tail."""

    records: list[RaftRecord]
    end: int
    is_old: bool
    previous_bytes: int | None = None
    """The size of the file before, as this one knows it."""


def read_log_file(
    data: bytes, path: Path, sealing: Sealing, before: LogFile | None, *, is_last: bool
) -> LogFile:
    """Return what a file holds; `before` is what the one before held.

    Raises:
        StorageCorrupt: it is damaged where it was synced, or it is not the file that belongs here.
    """
    header = read_header(data, path, sealing)
    if header is not None:
        return _read(data, path, header, is_last=is_last)
    if not data.startswith(old_format.MAGIC):
        raise refused.damaged(path, 0)
    if before is not None and not before.is_old:
        raise refused.older_after_newer(path)
    records, end = old_format.read_log(data)
    if end < len(data) and not (is_last and old_format.is_torn(data, end)):
        raise refused.damaged(path, end)
    return LogFile(records, end, is_old=True)


def _read(data: bytes, path: Path, header: FileHeader, *, is_last: bool) -> LogFile:
    records: list[RaftRecord] = []
    offset, number = len(header.data), -1
    for record in whole_records(data, offset):
        batch = opened(data, record, header.seal)
        if batch is None or record.kind != Kind.BATCH or record.number <= number:
            raise refused.altered(path, offset)
        records.extend(RaftBatch.FromString(batch).records)
        offset, number = record.end, record.number
    has_first = number >= 0  # a file appears with its first record
    if not has_first or (offset < len(data) and not (is_last and is_torn(data, offset))):
        raise refused.damaged(path, offset)
    return LogFile(records, offset, is_old=False, previous_bytes=header.content.previous_bytes)
