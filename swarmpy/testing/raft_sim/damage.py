"""Bit rot where it must be noticed: in what some later record proves to have been durable.

The very last record of a log has nobody after it to say that it was synced; a flipped bit there
looks like a torn tail, to every log with checksums. So none is flipped there.
"""

from __future__ import annotations

import random
from pathlib import Path

from swarmpy.raft.records import record_at
from swarmpy.testing.faulty_disk import FaultyDisk
from swarmpy.testing.raft_sim.member import DIRECTORY


def damage(disk: FaultyDisk, rng: random.Random) -> Path | None:
    """Flip one bit in the log or in the snapshot; return where, None when nothing is proven."""
    places = [(path, _proven_bytes(disk.read(path))) for path in _files(disk, "log")]
    places = [(path, size) for path, size in places if size]
    places += [(path, len(disk.read(path))) for path in _files(disk, "snapshots")]
    if not places:
        return None
    path, size = rng.choice(places)
    disk.rot(path, rng.randrange(size))
    return path


def _files(disk: FaultyDisk, kind: str) -> list[Path]:
    return [DIRECTORY / kind / name for name in disk.list_dir(DIRECTORY / kind)]


def _proven_bytes(data: bytes) -> int:
    proven, offset = 0, 0
    while (record := record_at(data, offset)) is not None:
        proven, offset = record.durable_bytes, record.end
    return proven
