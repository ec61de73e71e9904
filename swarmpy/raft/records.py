"""Records in a file: each with its length, its checksum, and what was durable before it.

    magic 4 | payload length 4 | crc32 4 | durable bytes 8 | payload

The checksum also covers where the record stands, so that bytes which were copied from
elsewhere are no record. "Durable bytes" is the length of the file that was synced when the
record was written. It tells a torn tail (written, never synced: nobody was promised it) from
damage (it was synced, and something after it knows): the first is cut, the second refused.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Final

HEADER: Final = struct.Struct("<4sIIQ")
MAGIC: Final = b"\xa5Rc\n"
PAYLOAD_MAX_BYTES: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class Record:
    payload: bytes
    durable_bytes: int
    end: int
    """Offset of what follows."""


def frame(payload: bytes, offset: int, durable_bytes: int) -> bytes:
    """Return the bytes of a record that will stand at `offset` of its file."""
    assert len(payload) <= PAYLOAD_MAX_BYTES, len(payload)
    checksum = _checksum(payload, offset, durable_bytes)
    return HEADER.pack(MAGIC, len(payload), checksum, durable_bytes) + payload


def record_at(data: bytes, offset: int) -> Record | None:
    """Return the record at an offset; None when there is no whole and sound one."""
    if offset + HEADER.size > len(data):
        return None
    magic, length, checksum, durable_bytes = HEADER.unpack_from(data, offset)
    end = offset + HEADER.size + length
    if magic != MAGIC or length > PAYLOAD_MAX_BYTES or end > len(data):
        return None
    payload = data[offset + HEADER.size : end]
    if checksum != _checksum(payload, offset, durable_bytes):
        return None
    return Record(payload, durable_bytes, end)


def read_records(data: bytes) -> tuple[list[bytes], int]:
    """Return the payloads up to the first byte that is no record, and where that is."""
    payloads: list[bytes] = []
    offset = 0
    while (record := record_at(data, offset)) is not None:
        payloads.append(record.payload)
        offset = record.end
    return payloads, offset


def was_durable(data: bytes, offset: int) -> bool:
    """Say whether a record after `offset` proves that what stood there had been synced."""
    position = data.find(MAGIC, offset + 1)
    while position >= 0:
        record = record_at(data, position)
        if record is not None and record.durable_bytes > offset:
            return True
        position = data.find(MAGIC, position + 1)
    return False


def _checksum(payload: bytes, offset: int, durable_bytes: int) -> int:
    place = struct.pack("<QQI", offset, durable_bytes, len(payload))
    return zlib.crc32(payload, zlib.crc32(place))
