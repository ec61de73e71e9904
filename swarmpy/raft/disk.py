"""A real disk: the few operations that durability rests on, each as durable as it says."""

from __future__ import annotations

import asyncio
import os
import threading
from asyncio import AbstractEventLoop
from collections.abc import Callable
from pathlib import Path
from weakref import WeakKeyDictionary

from swarmpy.raft.kernel_sync import KernelSync


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

    def append_to(self, path: Path) -> LocalAppendFile:
        is_new = not path.exists()
        file = LocalAppendFile(path, self._queue)
        if is_new:
            _sync_dir(path.parent)
        return file

    def replace(self, path: Path, data: bytes) -> None:
        fresh = path.with_name(path.name + ".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            _write_all(descriptor, data)
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
    """Implements `seams.AppendFile`. A failed append leaves the file as it was."""

    def __init__(self, path: Path, queue: Callable[[], KernelSync | None]) -> None:
        self._queue = queue
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._size = os.fstat(self._descriptor).st_size
        self._use = threading.Lock()
        """Held by a sync in its thread, so that `close` does not pull the file from under it."""

    def append(self, data: bytes) -> None:
        try:
            _write_all(self._descriptor, data)
        except OSError:
            os.ftruncate(self._descriptor, self._size)
            raise
        self._size += len(data)

    def sync(self) -> asyncio.Future[None]:
        queue = self._queue()
        durable = queue.fdatasync(self._descriptor) if queue is not None else None
        if durable is not None:
            return durable
        return asyncio.get_running_loop().run_in_executor(None, self._sync_in_thread)

    def sync_now(self) -> None:
        os.fdatasync(self._descriptor)

    def close(self) -> None:
        with self._use:
            os.close(self._descriptor)

    def _sync_in_thread(self) -> None:
        with self._use:
            os.fdatasync(self._descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _sync_dir(path: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
