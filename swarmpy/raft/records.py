"""Records in a file: each with its length, its checksums, and what was durable before it.

    magic 3 | kind 1 | length 4 | durable bytes 8 | number 8 | head crc32c 4 | body crc32c 4 | body

The head's checksum also covers where the record stands, so that bytes which were copied from
elsewhere are no record. The body is sealed: bound to its head, its place and its file, with
`number` as the nonce (see sealing.py). Heads are plain, so that a torn tail can be told from
damage without a key:

- "Durable bytes" is the length of the file that was synced when the record was written. A
  later record that says so proves that what is broken here had been synced: damage.
- Otherwise the tail is torn where the file ends before the record does, or where a sector of
  the record was never written and reads as zeros; zeros alone are what was written ahead. A
  crash does no more than that to what was written and not synced; anything else is damage.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import google_crc32c

from swarmpy.raft.sealing import TAG_BYTES, FileSeal

PAYLOAD_MAX_BYTES: Final = 64 << 20
MAGIC: Final = b"\xa5Rr"
_HEAD: Final = struct.Struct("<3sBIQQ")
_CRC: Final = struct.Struct("<I")
_OFFSET: Final = struct.Struct("<Q")
HEAD_BYTES: Final = _HEAD.size + 2 * _CRC.size
SECTOR_BYTES: Final = 512
"""What a disk writes whole or not at all."""
_UNWRITTEN_BYTES: Final = 16
"""So many zeros at the edge of a sector are no chance."""


def padding_bytes(end: int) -> int:
    """Return by how much a record that would end at `end` of its file is to be longer at least.

    What is written next begins there. Were fewer than _UNWRITTEN_BYTES of either in one sector,
    nobody could tell whether a crash left that sector unwritten.
    """
    over = end % SECTOR_BYTES
    if 0 < over < _UNWRITTEN_BYTES:
        return _UNWRITTEN_BYTES - over
    if over > SECTOR_BYTES - _UNWRITTEN_BYTES:
        return SECTOR_BYTES + _UNWRITTEN_BYTES - over
    return 0


class Kind(IntEnum):
    BATCH = 1
    """Of the log."""
    CHUNK = 2
    """Of a snapshot's state."""
    END = 3
    """Of a snapshot: nothing may follow."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record whose head is sound; its body may be missing or broken."""

    kind: int
    number: int
    durable_bytes: int
    body_crc: int
    offset: int
    start: int
    end: int

    @property
    def payload_bytes(self) -> int:
        return self.end - self.start - TAG_BYTES


def frame(
    seal: FileSeal, kind: Kind, number: int, payload: bytes, offset: int, durable_bytes: int = 0
) -> bytes:
    """Return the bytes of a record that will stand at `offset` of its file."""
    assert len(payload) <= PAYLOAD_MAX_BYTES, len(payload)
    head = _HEAD.pack(MAGIC, kind, len(payload) + TAG_BYTES, durable_bytes, number)
    place = head + _OFFSET.pack(offset)
    body = seal.seal(number, place, payload)
    crcs = _CRC.pack(google_crc32c.value(place)) + _CRC.pack(google_crc32c.value(body))
    return head + crcs + body


def record_at(data: bytes, offset: int) -> Record | None:
    """Return what stands at an offset; None when there is no whole and sound head."""
    if offset + HEAD_BYTES > len(data) or not data.startswith(MAGIC, offset):
        return None
    place = data[offset : offset + _HEAD.size] + _OFFSET.pack(offset)
    (head_crc,) = _CRC.unpack_from(data, offset + _HEAD.size)
    if head_crc != google_crc32c.value(place):
        return None
    _, kind, length, durable_bytes, number = _HEAD.unpack_from(data, offset)
    (body_crc,) = _CRC.unpack_from(data, offset + _HEAD.size + _CRC.size)
    start = offset + HEAD_BYTES
    return Record(kind, number, durable_bytes, body_crc, offset, start, start + length)


def is_whole(data: bytes, record: Record) -> bool:
    """Say whether the body is there and as it was written."""
    if record.end > len(data):
        return False
    return bool(record.body_crc == google_crc32c.value(data[record.start : record.end]))


def opened(data: bytes, record: Record, seal: FileSeal) -> bytes | None:
    """Return a whole record's payload; None when it was not sealed for this place."""
    head = data[record.offset : record.offset + _HEAD.size]
    place = head + _OFFSET.pack(record.offset)
    return seal.open(record.number, place, data[record.start : record.end])


def whole_records(data: bytes, offset: int) -> Iterator[Record]:
    """Yield the records from an offset on, up to the first that is not whole."""
    record = record_at(data, offset)
    while record is not None and is_whole(data, record):
        yield record
        record = record_at(data, record.end)


def is_torn(data: bytes, offset: int) -> bool:
    """Say whether a crash explains that no whole record stands at `offset`."""
    if was_durable(data, offset):
        return False
    record = record_at(data, offset)
    end = offset + HEAD_BYTES if record is None else record.end
    return end > len(data) or _has_unwritten_sector(data, offset, end)


def was_durable(data: bytes, offset: int) -> bool:
    """Say whether a record after `offset` proves that what stood there had been synced."""
    position = data.find(MAGIC, offset + 1)
    while position >= 0:
        record = record_at(data, position)
        if record is not None and record.durable_bytes > offset:
            return True
        position = data.find(MAGIC, position + 1)
    return False


def _has_unwritten_sector(data: bytes, start: int, end: int) -> bool:
    """Say so of the sectors between; what else they hold was written no sooner."""
    while start < end:
        stop = min(start - start % SECTOR_BYTES + SECTOR_BYTES, len(data))
        if stop - start >= _UNWRITTEN_BYTES and not data[start:stop].strip(b"\0"):
            return True
        start = stop
    return False
