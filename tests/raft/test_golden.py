"""Files that earlier versions wrote are read, and the formats do not change by accident."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from swarmpy.daemon.clock import SystemClock
from swarmpy.raft.disk import LocalDisk
from swarmpy.raft.log import FIRST, RaftLog
from swarmpy.raft.recovery import recover
from swarmpy.raft.segments import Segments
from swarmpy.raft.snapshot_file import Snapshot
from swarmpy.raft.snapshots import SnapshotStore
from tests.raft.make_golden import ENTRIES, GOLDEN, MEMBERS, STATE, golden_sealing, make

VERSIONS = ["version-1", "version-2"]


def contents(directory: Path) -> dict[str, bytes]:
    files = (path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


def opened(directory: Path) -> tuple[RaftLog, SnapshotStore]:
    sealing = golden_sealing()
    log = RaftLog(Segments(LocalDisk(), directory / "log", 1 << 20, sealing))
    return log, SnapshotStore(LocalDisk(), directory / "snapshots", SystemClock(), 8, sealing)


@pytest.fixture(params=VERSIONS)
def directory(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return Path(shutil.copytree(GOLDEN / request.param, tmp_path / request.param))


def test_golden_files_are_what_make_golden_makes(tmp_path: Path) -> None:
    make(tmp_path)
    assert contents(tmp_path) == contents(GOLDEN)


def test_a_golden_log_is_read_to_the_letter(directory: Path) -> None:
    log, _ = opened(directory)
    log.recover()
    assert log.entries == [FIRST, *ENTRIES]
    assert (log.term, log.voted_for, log.members) == (3, None, MEMBERS)
    assert log.durable_index == 7


def test_a_golden_snapshot_is_read_to_the_letter(directory: Path) -> None:
    _, store = opened(directory)
    snapshot = store.recover()
    assert snapshot is not None
    assert (snapshot.index, snapshot.term, snapshot.members) == (5, 2, MEMBERS)
    assert b"".join(snapshot.state) == STATE


def test_reading_changes_no_file(directory: Path) -> None:
    before = contents(directory)
    recover(*opened(directory), keep=10)
    assert contents(directory) == before


async def test_what_is_written_next_is_new_and_read_with_the_old(directory: Path) -> None:
    before = contents(directory)
    log, store = opened(directory)
    recover(log, store, keep=10)
    log.append(b"\x00word 8", 8, 3)
    log.sync_now()
    log.close()
    written = {name: data for name, data in contents(directory).items() if name not in before}
    assert list(written) == ["log/log-0000000003"]
    assert b"word 8" not in written["log/log-0000000003"]
    await store.save(Snapshot(8, 3, MEMBERS, [b"newer"]), log.file_number)
    again, store = opened(directory)
    snapshot = recover(again, store, keep=10)
    assert snapshot is not None
    assert (snapshot.index, *snapshot.state) == (8, b"newer")
    assert again.entries == [FIRST, *ENTRIES, (b"\x00word 8", 8, 3)]
