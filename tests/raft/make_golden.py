"""Makes the files in tests/raft/golden: `python -m tests.raft.make_golden [directory]`.

They hold one history in every format version that must be readable. Version 1 is written here,
for nothing else writes it any more; version 2 by the code itself, with a fixed key and salts.
Files of a version that was released are never made anew: a difference is a broken format.
"""

from __future__ import annotations

import asyncio
import random
import struct
import sys
import zlib
from pathlib import Path

from swarmpy.daemon.clock import SystemClock
from swarmpy.pb.raft_pb2 import RaftBallot, RaftEntry, RaftRecord, RaftSnapshotHeader
from swarmpy.raft.commands import Voter, encode_members, membership
from swarmpy.raft.disk import LocalDisk
from swarmpy.raft.log import RaftLog
from swarmpy.raft.sealing import Sealing
from swarmpy.raft.segments import Segments
from swarmpy.raft.snapshot_file import Snapshot
from swarmpy.raft.snapshots import SnapshotStore
from swarmpy.security.data_keys import DataKeys

GOLDEN = Path(__file__).parent / "golden"
KEYS = DataKeys({1: bytes(range(32)), 2: bytes(range(32, 64))})
CLUSTER_ID = "goldenswarm"
MEMBERS = {"a": Voter("10.0.0.1:4242"), "b": Voter("10.0.0.2:4242")}
STATE = b"the state at entry 5"
ENTRIES = [
    (membership(MEMBERS), 2, 1),
    *((b"\x00word %d" % number, number, 2) for number in range(3, 7)),
    (b"\x00other 7", 7, 3),
]
"""What the log holds in the end."""


def golden_sealing() -> Sealing:
    return Sealing(CLUSTER_ID, KEYS, random.Random(7))


class OldFile:
    """The bytes of a log file of version 1."""

    def __init__(self) -> None:
        self.data = b""
        self._durable = 0

    def write(self, *records: RaftRecord) -> None:
        """Write records at once, and sync them."""
        for record in records:
            self.data += old_record(record.SerializeToString(), len(self.data), self._durable)
        self._durable = len(self.data)


def old_record(payload: bytes, offset: int, durable_bytes: int) -> bytes:
    place = struct.pack("<QQI", offset, durable_bytes, len(payload))
    crc = zlib.crc32(payload, zlib.crc32(place))
    return struct.pack("<4sIIQ", b"\xa5Rc\n", len(payload), crc, durable_bytes) + payload


def old_snapshot(index: int, term: int, state: bytes) -> bytes:
    header = RaftSnapshotHeader(
        index=index,
        term=term,
        members=encode_members(MEMBERS),
        state_bytes=len(state),
        state_crc32=zlib.crc32(state),
    )
    return old_record(header.SerializeToString(), 0, 0) + state


def ballot(term: int, voted_for: str = "") -> RaftRecord:
    return RaftRecord(ballot=RaftBallot(term=term, voted_for=voted_for))


def entry(command: bytes, index: int, term: int) -> RaftRecord:
    return RaftRecord(entry=RaftEntry(index=index, term=term, command=command))


def version_1() -> dict[str, bytes]:
    """Return path -> content."""
    first, second = OldFile(), OldFile()
    first.write(ballot(0))
    first.write(entry(*ENTRIES[0]))
    first.write(ballot(2, "b"))
    first.write(*(entry(b"\x00word %d" % number, number, 2) for number in range(3, 8)))
    second.write(ballot(2, "b"))
    second.write(RaftRecord(cut_from=7), ballot(3))
    second.write(entry(*ENTRIES[-1]))
    return {
        "log/log-0000000001": first.data,
        "log/log-0000000002": second.data,
        "snapshots/snapshot-00000000000000000005": old_snapshot(5, 2, STATE),
    }


def write_version_2(directory: Path) -> None:
    sealing = golden_sealing()
    log = RaftLog(Segments(LocalDisk(), directory / "log", 400, sealing))
    log.recover()
    log.append(*ENTRIES[0])
    log.sync_now()
    log.set_ballot(2, "b")
    for number in range(3, 8):
        log.append(b"\x00word %d" % number, number, 2)
    log.sync_now()
    log.tidy()
    log.cut_from(7)
    log.set_ballot(3, None)
    log.append(*ENTRIES[-1])
    log.sync_now()
    log.close()
    store = SnapshotStore(LocalDisk(), directory / "snapshots", SystemClock(), 8, sealing)
    store.recover()
    asyncio.run(store.save(Snapshot(5, 2, MEMBERS, [STATE]), log.file_number))


def make(directory: Path) -> None:
    """Write all versions into a new directory."""
    for name, data in version_1().items():
        path = directory / "version-1" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    write_version_2(directory / "version-2")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else GOLDEN)
