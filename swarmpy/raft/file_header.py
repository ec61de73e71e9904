"""What every file begins with: its format, whose it is, and what it is sealed with.

    magic 8 | version 2 | length 2 | crc32c 4 | RaftFileHeader | tag 16

The first 16 bytes mean the same in every version to come, and the checksum covers all but
itself: a newer version is told from damage. The tag is made with the file's key: a wrong key
is told from damage as well, before anything else is read.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import google_crc32c

from swarmpy.pb.raft_pb2 import RaftFileHeader
from swarmpy.raft import refused
from swarmpy.raft.sealing import SALT_BYTES, TAG_BYTES, FileSeal, Sealing

MAGIC: Final = b"\xa5SwPyR2\n"
VERSION: Final = 2
_FIXED: Final = struct.Struct("<8sHH")
_CRC: Final = struct.Struct("<I")
_BODY_AT: Final = _FIXED.size + _CRC.size


@dataclass(frozen=True, slots=True)
class FileHeader:
    """A header that was made, or read and believed."""

    content: RaftFileHeader
    data: bytes
    """All of it as it stands in the file."""
    seal: FileSeal


def make_header(
    sealing: Sealing, name: str, *, previous_bytes: int = 0, log_number: int = 0
) -> FileHeader:
    """Return the header of a new file, with a new salt and the newest data key."""
    key_id = sealing.keys.newest_id
    content = RaftFileHeader(
        cluster_id=sealing.cluster_id,
        name=name,
        data_key_id=key_id,
        salt=sealing.rng.randbytes(SALT_BYTES),
        previous_bytes=previous_bytes,
        log_number=log_number,
    )
    body = content.SerializeToString(deterministic=True)
    fixed = _FIXED.pack(MAGIC, VERSION, len(body) + TAG_BYTES)
    seal = FileSeal(sealing.keys.key(key_id), content.salt)
    rest = body + seal.mark(fixed + body)
    return FileHeader(content, fixed + _checksum(fixed, rest) + rest, seal)


def read_header(data: bytes, path: Path, sealing: Sealing) -> FileHeader | None:
    """Return a file's header; None when it is incomplete or damaged.

    Raises:
        StorageCorrupt: it is whole, but not of a file that this manager may read here.
    """
    if len(data) < _BODY_AT:
        return None
    magic, version, length = _FIXED.unpack_from(data)
    fixed, rest = data[: _FIXED.size], data[_BODY_AT : _BODY_AT + length]
    crc = data[_FIXED.size : _BODY_AT]
    if magic != MAGIC or len(rest) < length or crc != _checksum(fixed, rest):
        return None
    if version != VERSION:
        raise refused.newer_version(path, version)
    body, tag = rest[:-TAG_BYTES], rest[-TAG_BYTES:]
    content = RaftFileHeader.FromString(body)
    _check_owner(content, path, sealing)
    seal = FileSeal(sealing.keys.key(content.data_key_id), content.salt)
    if seal.mark(fixed + body) != tag:
        raise refused.wrong_key(path, content.data_key_id)
    return FileHeader(content, data[: _BODY_AT + length], seal)


def _check_owner(content: RaftFileHeader, path: Path, sealing: Sealing) -> None:
    if content.cluster_id != sealing.cluster_id:
        raise refused.foreign(path, content.cluster_id, sealing.cluster_id)
    if content.name != path.name:
        raise refused.renamed(path, content.name)
    if content.data_key_id not in sealing.keys.keys:
        raise refused.no_key(path, content.data_key_id)


def _checksum(fixed: bytes, rest: bytes) -> bytes:
    return _CRC.pack(google_crc32c.value(fixed + rest))
