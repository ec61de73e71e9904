"""A disk in memory that fails the way disks fail: torn tails, no space, errors, bit rot, slowness.

    append ──> unsynced ──sync──> durable
                  └ crash() keeps any beginning of it, cut at any byte, perhaps with holes

Durability is the only thing it is strict about: what `sync` returned for survives, and what a
crash may take, some seed will take.
"""

from __future__ import annotations

import asyncio
import errno
import os
import random
from dataclasses import dataclass, field
from pathlib import Path

from swarmpy.seams import AppendFile, Clock

SECTOR_BYTES = 512
"""What a disk writes whole or not at all."""

HOLES = 0.3
"""How often a sector that was not synced is missing, on a disk that garbles."""


@dataclass(slots=True)
class _Inode:
    data: bytearray = field(default_factory=bytearray)
    durable_bytes: int = 0


class FaultyDisk:
    """Implements `seams.Disk` for one node. Its files outlive the node's crashes."""

    def __init__(self, rng: random.Random, clock: Clock, sync_s: float = 0.0) -> None:
        self.sync_s = sync_s
        """How long a sync takes; a bad disk takes seconds."""
        self.synced = 0
        """Syncs so far, of any file."""
        self.garbles = False
        """A crash leaves unsynced bytes not only cut, but with holes."""
        self._rng = rng
        self._clock = clock
        self._dirs: set[Path] = {Path("/")}
        self._files: dict[Path, _Inode] = {}
        self._room_bytes: int | None = None
        self._fails = False
        self._off = False
        self._boots = 0

    # --- what tests do to it

    def crash(self) -> None:
        """Lose power: unsynced bytes go, all or some of them, and open files are dead."""
        self._boots += 1
        for path in sorted(self._files):
            inode = self._files[path]
            kept = self._rng.randint(inode.durable_bytes, len(inode.data))
            del inode.data[kept:]
            if self.garbles:
                self._garble(inode)
            inode.durable_bytes = len(inode.data)

    def switch_off(self) -> None:
        """Crash, and answer nobody until `switch_on`: a dying process may still try."""
        self.crash()
        self._off = True

    def switch_on(self) -> None:
        self._off = False

    def fill(self, room_bytes: int = 0) -> None:
        """Leave room for so many bytes; a write of more fails whole, with ENOSPC."""
        self._room_bytes = room_bytes

    def free(self) -> None:
        """Make room again."""
        self._room_bytes = None

    def fail(self) -> None:
        """Let every write and sync fail with EIO, until `recover`."""
        self._fails = True

    def recover(self) -> None:
        self._fails = False

    def rot(self, path: Path, offset: int) -> None:
        """Flip one bit of the byte at `offset`, as if it had faded."""
        self._files[path].data[offset] ^= 1 << self._rng.randrange(8)

    # --- seams.Disk

    def make_dir(self, path: Path) -> None:
        self._check(path)
        self._dirs.update([path, *path.parents])

    def list_dir(self, path: Path) -> list[str]:
        self._check(path)
        return sorted(p.name for p in (*self._dirs, *self._files) if p.parent == path != p)

    def read(self, path: Path) -> bytes:
        self._check(path)
        return bytes(self._inode(path).data)

    def append_to(self, path: Path) -> AppendFile:
        self._check_write(path, 0)
        return _OpenFile(self, path, self._files.setdefault(path, _Inode()), self._boots)

    def replace(self, path: Path, data: bytes) -> None:
        self._check_write(path, len(data))
        self._files[path] = _Inode(bytearray(data), len(data))

    def truncate(self, path: Path, size: int) -> None:
        self._check_write(path, 0)
        inode = self._inode(path)
        assert size <= len(inode.data), f"truncate would grow {path}"
        del inode.data[size:]
        inode.durable_bytes = size

    def remove(self, path: Path) -> None:
        self._check_write(path, 0)
        self._files.pop(path, None)

    # --- inside

    def _garble(self, inode: _Inode) -> None:
        """Make holes in what was not synced: sectors reach a disk in any order, each whole."""
        first, end = inode.durable_bytes, len(inode.data)
        for sector in range(first - first % SECTOR_BYTES, end, SECTOR_BYTES):
            if self._rng.random() < HOLES:
                start, stop = max(sector, first), min(sector + SECTOR_BYTES, end)
                inode.data[start:stop] = bytes(stop - start if stop < end else 0)

    def _inode(self, path: Path) -> _Inode:
        if path not in self._files:
            raise _error(errno.ENOENT, path)
        return self._files[path]

    def _check(self, path: Path) -> None:
        if self._off:
            raise _error(errno.EIO, path)

    def _check_write(self, path: Path, size: int) -> None:
        self._check(path)
        if self._fails:
            raise _error(errno.EIO, path)
        if path.parent not in self._dirs:
            raise _error(errno.ENOENT, path.parent)
        if self._room_bytes is not None and size:
            if size > self._room_bytes:
                raise _error(errno.ENOSPC, path)
            self._room_bytes -= size

    def _append(self, file: _OpenFile, data: bytes) -> None:
        self._check_write(file.path, len(data))
        self._check_open(file)
        file.inode.data += data

    async def _sync(self, file: _OpenFile, size: int) -> None:
        await self._clock.sleep(self.sync_s)
        self._make_durable(file, size)

    def _make_durable(self, file: _OpenFile, size: int) -> None:
        self._check_write(file.path, 0)
        self._check_open(file)
        self.synced += 1
        file.inode.durable_bytes = max(file.inode.durable_bytes, min(size, len(file.inode.data)))

    def _check_open(self, file: _OpenFile) -> None:
        if file.boot != self._boots or file.closed:
            raise _error(errno.EBADF, file.path)


@dataclass(slots=True)
class _OpenFile:
    """Implements `seams.AppendFile`."""

    disk: FaultyDisk
    path: Path
    inode: _Inode
    boot: int
    closed: bool = False

    def append(self, data: bytes) -> None:
        self.disk._append(self, data)  # noqa: SLF001 - two halves of one thing

    def sync(self) -> asyncio.Future[None]:
        sync = self.disk._sync(self, len(self.inode.data))  # noqa: SLF001
        return asyncio.get_running_loop().create_task(sync)

    def sync_now(self) -> None:
        self.disk._make_durable(self, len(self.inode.data))  # noqa: SLF001

    def close(self) -> None:
        self.closed = True


def _error(number: int, path: Path) -> OSError:
    return OSError(number, os.strerror(number), str(path))
