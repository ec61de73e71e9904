"""Bit rot where it must be noticed: in what is known to have been durable.

A torn tail that a crash left behind may hide that the last record before it was synced, from
every log there can be. So no bit is flipped there, unless the tail is whole.
"""

from __future__ import annotations

import random
from pathlib import Path

from swarmpy.raft.file_header import read_header
from swarmpy.raft.records import whole_records
from swarmpy.raft.sealing import Sealing
from swarmpy.testing.faulty_disk import FaultyDisk
from swarmpy.testing.raft_sim.member import DIRECTORY


def damage(disk: FaultyDisk, sealing: Sealing, rng: random.Random) -> Path | None:
    """Flip one bit in the log or in the snapshot; return where, None when nothing is proven."""
    places = [(path, _durable_bytes(disk.read(path), path, sealing)) for path in _log(disk)]
    places = [(path, size) for path, size in places if size]
    snapshots = DIRECTORY / "snapshots"
    for name in disk.list_dir(snapshots):
        places.append((snapshots / name, len(disk.read(snapshots / name))))
    if not places:
        return None
    path, size = rng.choice(places)
    disk.rot(path, rng.randrange(size))
    return path


def _log(disk: FaultyDisk) -> list[Path]:
    return [DIRECTORY / "log" / name for name in disk.list_dir(DIRECTORY / "log")]


def _durable_bytes(data: bytes, path: Path, sealing: Sealing) -> int:
    header = read_header(data, path, sealing)
    if header is None:
        return 0
    proven, end = 0, len(header.data)
    for record in whole_records(data, end):
        proven, end = record.durable_bytes, record.end
    return proven if data[end:].strip(b"\0") else end
