"""The files of one manager in memory, and what can happen to them; for tests of bad files.

WHOLE      log files from entry 1 on, a snapshot at entry 20
TRIMMED    the same, but the files before entry 15 are gone
AHEAD      the same as TRIMMED, with zeros ahead in the last file

Words 2 to 40 are durable. One more was written when the power went, and nobody was told.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import google_crc32c

from swarmpy.raft.commands import NO_OP_COMMAND
from swarmpy.raft.file_header import read_header
from swarmpy.raft.log import RaftLog
from swarmpy.raft.records import HEAD_BYTES, Record, whole_records
from swarmpy.raft.recovery import recover
from swarmpy.raft.sealing import Sealing
from swarmpy.raft.segments import Segments
from swarmpy.raft.snapshot_file import Snapshot
from swarmpy.raft.snapshots import SnapshotStore
from swarmpy.security.data_keys import DataKeys
from swarmpy.testing.clock import VirtualClock
from swarmpy.testing.faulty_disk import FaultyDisk
from swarmpy.testing.virtual_loop import VirtualLoop
from tests.raft.make_golden import MEMBERS, OldFile, ballot, entry, old_snapshot

LOG = Path("/raft/log")
SNAPSHOTS = Path("/raft/snapshots")
DURABLE = 40
"""Index of the last entry that was synced."""
SNAPSHOT_INDEX = 20
KEYS = DataKeys({1: bytes(range(32))})
WORD_BYTES = 40


def sealing_of(cluster_id: str = "swarm1", keys: DataKeys = KEYS, seed: int = 1) -> Sealing:
    return Sealing(cluster_id, keys, random.Random(seed))


def word(index: int) -> str:
    return f"word {index} ".ljust(WORD_BYTES, ".")


def words_up_to(index: int) -> list[str]:
    return [word(number) for number in range(2, index + 1)]


def state_up_to(index: int) -> bytes:
    return "\n".join(words_up_to(index)).encode()


def make_disk() -> tuple[FaultyDisk, VirtualClock]:
    loop = VirtualLoop()
    loop.close()
    clock = VirtualClock(loop)
    return FaultyDisk(random.Random(1), clock), clock


class ManagerFiles:
    """Path -> content. The last word of each method's name is what it is done to."""

    def __init__(self, files: dict[Path, bytes]) -> None:
        self.files = files

    # --- which

    @property
    def logs(self) -> list[Path]:
        return sorted(path for path in self.files if path.parent == LOG)

    @property
    def last(self) -> Path:
        return self.logs[-1]

    @property
    def middle(self) -> Path:
        return self.logs[1]

    @property
    def snapshot(self) -> Path:
        return max(path for path in self.files if path.parent == SNAPSHOTS)

    def records(self, path: Path) -> list[Record]:
        header = read_header(self.files[path], path, sealing_of())
        assert header is not None
        return list(whole_records(self.files[path], len(header.data)))

    # --- what happens

    def flip(self, path: Path, offset: int, bit: int = 3) -> None:
        data = bytearray(self.files[path])
        data[offset] ^= 1 << bit
        self.files[path] = bytes(data)

    def truncate(self, path: Path, size: int) -> None:
        self.files[path] = self.files[path][:size]

    def append(self, path: Path, data: bytes) -> None:
        self.files[path] += data

    def put(self, path: Path, offset: int, data: bytes) -> None:
        old = self.files[path]
        self.files[path] = old[:offset] + data + old[offset + len(data) :]

    def zero(self, path: Path, start: int, end: int) -> None:
        self.put(path, start, bytes(end - start))

    def remove(self, *paths: Path) -> None:
        for path in paths:
            del self.files[path]

    def swap(self, one: Path, other: Path) -> None:
        self.files[one], self.files[other] = self.files[other], self.files[one]

    def copy(self, path: Path, to: Path) -> None:
        self.files[to] = self.files[path]

    def bytes_of(self, path: Path, record: Record) -> bytes:
        return self.files[path][record.offset : record.end]

    def forge(self, path: Path, offset: int, change: Callable[[bytearray], None]) -> None:
        """Change a record and make its checksums right again, as no disk does."""
        data = bytearray(self.files[path])
        change(data)
        length = int.from_bytes(data[offset + 4 : offset + 8], "little")
        body = data[offset + HEAD_BYTES : offset + HEAD_BYTES + length]
        place = bytes(data[offset : offset + 24]) + offset.to_bytes(8, "little")
        crcs = google_crc32c.value(place), google_crc32c.value(bytes(body))
        data[offset + 24 : offset + 32] = b"".join(crc.to_bytes(4, "little") for crc in crcs)
        self.files[path] = bytes(data)

    def forge_version(self, path: Path, version: int) -> None:
        """Give a file another format version, with a header that is sound."""
        data = bytearray(self.files[path])
        data[8:10] = version.to_bytes(2, "little")
        length = int.from_bytes(data[10:12], "little")
        crc = google_crc32c.value(bytes(data[:12] + data[16 : 16 + length]))
        data[12:16] = crc.to_bytes(4, "little")
        self.files[path] = bytes(data)


@dataclass(frozen=True, slots=True)
class Start:
    """What a manager came up with."""

    words: list[str]
    files: dict[Path, bytes]


def start(files: dict[Path, bytes], sealing: Sealing | None = None) -> Start:
    """Start on these files as RaftNode does. Raises StorageCorrupt."""
    disk, clock = make_disk()
    for directory in (LOG, SNAPSHOTS):
        disk.make_dir(directory)
    for path, data in files.items():
        disk.replace(path, data)
    sealing = sealing or sealing_of(seed=2)
    log = RaftLog(Segments(disk, LOG, 600, sealing))
    snapshot = recover(log, SnapshotStore(disk, SNAPSHOTS, clock, 300, sealing), keep=5)
    words = b"".join(snapshot.state).decode().split("\n") if snapshot else []
    begins = snapshot.index + 1 if snapshot else 2
    for command, index, _ in log.entries:
        if index >= begins and command != NO_OP_COMMAND:
            words.append(command[1:].decode())
    log.close()
    return Start(words, _files(disk))


@cache
def _made(
    cluster_id: str, keys: tuple[tuple[int, bytes], ...], ahead_bytes: int = 0
) -> dict[Path, bytes]:
    return asyncio.run(_make(sealing_of(cluster_id, DataKeys(dict(keys))), ahead_bytes))


async def _make(sealing: Sealing, ahead_bytes: int) -> dict[Path, bytes]:
    disk, _ = make_disk()
    log = RaftLog(Segments(disk, LOG, 600, sealing, ahead_bytes))
    log.recover()
    for index in range(2, DURABLE + 1):
        log.append(b"\x00" + word(index).encode(), index, 1)
        log.sync_now()
        log.tidy()
        if index == SNAPSHOT_INDEX:
            store = SnapshotStore(disk, SNAPSHOTS, _Now(), 300, sealing)
            store.recover()
            state = [state_up_to(index)]
            await store.save(Snapshot(index, 1, MEMBERS, state), log.file_number)
    log.append(b"\x00" + word(DURABLE + 1).encode(), DURABLE + 1, 1)
    log.write_out()
    return _files(disk)


class _Now:
    """A clock on which nothing takes time."""

    def now(self) -> float:
        return 0.0

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None: ...


def whole(sealing: Sealing | None = None) -> ManagerFiles:
    sealing = sealing or sealing_of()
    made = _made(sealing.cluster_id, tuple(sealing.keys.keys.items()))
    return ManagerFiles(dict(made))


def trimmed() -> ManagerFiles:
    files = whole()
    files.remove(*files.logs[:2])
    return files


def ahead() -> ManagerFiles:
    files = ManagerFiles(dict(_made("swarm1", tuple(KEYS.keys.items()), 5000)))
    files.remove(*files.logs[:2])
    return files


def old() -> ManagerFiles:
    """Return the same written by version 1: two log files and a snapshot."""
    first, second = OldFile(), OldFile()
    first.write(ballot(0))
    second.write(ballot(1))
    for index in range(2, DURABLE + 1):
        file = first if index <= 30 else second
        file.write(entry(b"\x00" + word(index).encode(), index, 1))
    name = f"snapshot-{SNAPSHOT_INDEX:020d}"
    snapshot = old_snapshot(SNAPSHOT_INDEX, 1, state_up_to(SNAPSHOT_INDEX))
    return ManagerFiles(
        {
            LOG / "log-0000000001": first.data,
            LOG / "log-0000000002": second.data,
            SNAPSHOTS / name: snapshot,
        }
    )


def upgraded() -> ManagerFiles:
    """Return the files of version 1 and one of version 2 behind them, with one word more."""
    disk, clock = make_disk()
    for directory in (LOG, SNAPSHOTS):
        disk.make_dir(directory)
    for path, data in old().files.items():
        disk.replace(path, data)
    sealing = sealing_of(seed=3)
    log = RaftLog(Segments(disk, LOG, 600, sealing))
    recover(log, SnapshotStore(disk, SNAPSHOTS, clock, 300, sealing), keep=5)
    log.append(b"\x00" + word(DURABLE + 1).encode(), DURABLE + 1, 1)
    log.sync_now()
    log.close()
    return ManagerFiles(_files(disk))


def _files(disk: FaultyDisk) -> dict[Path, bytes]:
    return {
        directory / name: disk.read(directory / name)
        for directory in (LOG, SNAPSHOTS)
        for name in disk.list_dir(directory)
    }
