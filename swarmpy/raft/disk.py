"""A real disk: the few operations that durability rests on, each as durable as it says."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from asyncio import AbstractEventLoop
from collections.abc import Callable
from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary

from swarmpy.raft.kernel_sync import KernelSync

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class LocalDisk:
    """Implements `seams.Disk`. OSError goes through: ENOSPC and EIO mean what they say."""

    def __init__(self) -> None:
        self._queues: WeakKeyDictionary[AbstractEventLoop, KernelSync | None] = WeakKeyDictionary()

    def make_dir(self, path: Path) -> None:
        missing = [p for p in (path, *path.parents) if not p.exists()]
        for parent in reversed(missing):
            parent.mkdir(mode=0o700, exist_ok=True)
            _sync_dir(parent.parent)

    def list_dir(self, path: Path) -> list[str]:
        try:
            return sorted(entry.name for entry in path.iterdir())
        except FileNotFoundError:
            return []

    def read(self, path: Path) -> bytes:
        return path.read_bytes()

    def append_to(self, path: Path, ahead_bytes: int = 0) -> LocalAppendFile:
        is_new = not path.exists()
        file = LocalAppendFile(path, self._queue, ahead_bytes)
        if is_new:
            _sync_dir(path.parent)
        return file

    def replace(self, path: Path, data: bytes) -> None:
        fresh = path.with_name(path.name + ".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            _write_all(descriptor, data, 0)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        fresh.replace(path)
        _sync_dir(path.parent)

    def truncate(self, path: Path, size: int) -> None:
        descriptor = os.open(path, os.O_WRONLY)
        try:
            os.ftruncate(descriptor, size)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def remove(self, path: Path) -> None:
        try:
            path.unlink()
        except FileNotFoundError:
            return
        _sync_dir(path.parent)

    def _queue(self) -> KernelSync | None:
        """Return the running loop's queue of syncs; None when there is none here."""
        loop = asyncio.get_running_loop()
        if loop not in self._queues:
            self._queues[loop] = KernelSync.open()
        return self._queues[loop]


class LocalAppendFile:
    """Implements `seams.AppendFile`. A failed append leaves what was appended before.

    To make a file longer, the file system must commit its journal with each sync; to write over
    zeros it need not. So whatever makes a file longer brings the next zeros along.
    """

    def __init__(
        self, path: Path, queue: Callable[[], KernelSync | None], ahead_bytes: int = 0
    ) -> None:
        self._queue = queue
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        self._end = self._file_end = os.fstat(self._descriptor).st_size
        """Of what was appended, and of the zeros behind it."""
        self._zeros = bytes(ahead_bytes)
        self._use = threading.Lock()
        """Held by a sync in its thread, so that `close` does not pull the file from under it."""

    def append(self, data: bytes) -> None:
        end = self._end + len(data)
        try:
            _write_all(self._descriptor, data, self._end)
            if end > self._file_end:
                self._write_ahead(end)
        except OSError:
            self._cut(self._end)
            raise
        self._end = end

    def sync(self) -> asyncio.Future[None]:
        queue = self._queue()
        durable = queue.fdatasync(self._descriptor) if queue is not None else None
        if durable is not None:
            return durable
        return asyncio.get_running_loop().run_in_executor(None, self._sync_in_thread)

    def sync_now(self) -> None:
        os.fdatasync(self._descriptor)

    def trim(self) -> None:
        self._zeros = b""
        self._cut(self._end)
        os.fsync(self._descriptor)

    def close(self) -> None:
        with self._use:
            os.close(self._descriptor)

    def _write_ahead(self, end: int) -> None:
        """Write zeros from `end` on. Where there is no room for them, there are none any more."""
        self._file_end = end
        try:
            _write_all(self._descriptor, self._zeros, end)
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            self._zeros = b""
            self._cut(end)
        self._file_end += len(self._zeros)

    def _cut(self, end: int) -> None:
        os.ftruncate(self._descriptor, end)
        self._file_end = end

    def _sync_in_thread(self) -> None:
        with self._use:
            os.fdatasync(self._descriptor)


def _write_all(descriptor: int, data: bytes, offset: int) -> None:
    rest = memoryview(data)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written


def _sync_dir(path: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
