"""A real directory keeps what it was told to keep."""

from __future__ import annotations

import errno
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from swarmpy.raft.disk import LocalDisk


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """Let writes beyond a file size fail, halfway if need be."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)


async def test_what_is_appended_and_synced_is_read_back(tmp_path: Path) -> None:
    disk = LocalDisk()
    file = disk.append_to(tmp_path / "file")
    file.append(b"one ")
    await file.sync()
    file.append(b"two")
    file.sync_now()
    file.close()
    again = disk.append_to(tmp_path / "file")
    again.append(b" three")
    again.close()
    assert disk.read(tmp_path / "file") == b"one two three"
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600


def test_an_append_that_fails_halfway_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    file = LocalDisk().append_to(tmp_path / "file")
    file.append(b"x" * 1000)
    with files_limited_to(5000), pytest.raises(OSError, match="large") as failure:
        file.append(b"y" * 100_000)
    assert failure.value.errno == errno.EFBIG
    file.append(b"z")
    file.close()
    assert (tmp_path / "file").read_bytes() == b"x" * 1000 + b"z"


def test_an_append_goes_without_zeros_ahead_that_find_no_room(tmp_path: Path) -> None:
    file = LocalDisk().append_to(tmp_path / "file", ahead_bytes=4000)
    with files_limited_to(5000):
        file.append(b"x" * 500)
        assert (tmp_path / "file").stat().st_size == 4500
        file.append(b"y" * 4200)
        assert (tmp_path / "file").stat().st_size == 4700
        with pytest.raises(OSError, match="large"):
            file.append(b"z" * 400)
    file.append(b"z" * 400)
    file.close()
    assert (tmp_path / "file").read_bytes() == b"x" * 500 + b"y" * 4200 + b"z" * 400


def test_an_append_that_fails_halfway_leaves_none_of_it_in_the_zeros_ahead(tmp_path: Path) -> None:
    file = LocalDisk().append_to(tmp_path / "file", ahead_bytes=4000)
    file.append(b"x" * 500)
    with files_limited_to(5000), pytest.raises(OSError, match="large"):
        file.append(b"y" * 100_000)
    assert (tmp_path / "file").read_bytes() == b"x" * 500
    file.append(b"z")
    file.close()
    assert (tmp_path / "file").read_bytes() == b"x" * 500 + b"z" + bytes(4000)


def test_directories_are_private_and_listed_in_order(tmp_path: Path) -> None:
    disk = LocalDisk()
    disk.make_dir(tmp_path / "a" / "b")
    disk.make_dir(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    for name in ("2", "1", "3"):
        disk.replace(tmp_path / "a" / "b" / name, b"")
    assert disk.list_dir(tmp_path / "a" / "b") == ["1", "2", "3"]
    assert disk.list_dir(tmp_path / "nothing") == []


def test_replace_truncate_and_remove(tmp_path: Path) -> None:
    disk = LocalDisk()
    path = tmp_path / "file"
    disk.replace(path, b"old")
    disk.replace(path, b"new content")
    disk.truncate(path, 3)
    assert disk.read(path) == b"new"
    disk.remove(path)
    disk.remove(path)
    with pytest.raises(FileNotFoundError):
        disk.read(path)
    assert list(tmp_path.iterdir()) == []
