"""Reads files of format version 1, which were not sealed. Nothing writes it any more.

    log:       record | record ...
    snapshot:  record(RaftSnapshotHeader) | state
    record:    magic 4 | payload length 4 | crc32 4 | durable bytes 8 | payload

The checksum also covers where the record stands. A tail that no later record proves to have
been synced is cut, whatever it holds. Golden files in tests/raft/golden hold it fast.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Final

from swarmpy.pb.raft_pb2 import RaftRecord, RaftSnapshotHeader

MAGIC: Final = b"\xa5Rc\n"
_HEAD: Final = struct.Struct("<4sIIQ")
_PAYLOAD_MAX_BYTES: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class _Record:
    payload: bytes
    durable_bytes: int
    end: int


def read_log(data: bytes) -> tuple[list[RaftRecord], int]:
    """Return the records up to the first byte that is none, and where that is."""
    records: list[RaftRecord] = []
    offset = 0
    while (record := _record_at(data, offset)) is not None:
        records.append(RaftRecord.FromString(record.payload))
        offset = record.end
    return records, offset


def is_torn(data: bytes, offset: int) -> bool:
    """Say whether no later record proves that what stood at `offset` had been synced."""
    position = data.find(MAGIC, offset + 1)
    while position >= 0:
        record = _record_at(data, position)
        if record is not None and record.durable_bytes > offset:
            return False
        position = data.find(MAGIC, position + 1)
    return True


def read_snapshot(data: bytes) -> tuple[RaftSnapshotHeader, bytes] | None:
    """Return header and state; None when the file is incomplete or damaged."""
    record = _record_at(data, 0)
    if record is None:
        return None
    header = RaftSnapshotHeader.FromString(record.payload)
    state = data[record.end :]
    if len(state) != header.state_bytes or zlib.crc32(state) != header.state_crc32:
        return None
    return header, state


def _record_at(data: bytes, offset: int) -> _Record | None:
    if offset + _HEAD.size > len(data):
        return None
    magic, length, checksum, durable_bytes = _HEAD.unpack_from(data, offset)
    end = offset + _HEAD.size + length
    if magic != MAGIC or length > _PAYLOAD_MAX_BYTES or end > len(data):
        return None
    payload = data[offset + _HEAD.size : end]
    place = struct.pack("<QQI", offset, durable_bytes, length)
    if checksum != zlib.crc32(payload, zlib.crc32(place)):
        return None
    return _Record(payload, durable_bytes, end)
