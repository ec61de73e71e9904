"""A disk in memory that fails the way disks fail: torn tails, no space, errors, bit rot, slowness.

    append ──> unsynced ──sync──> durable
                  └ crash() keeps any beginning of it, cut at any byte, perhaps with holes

Where zeros were written ahead and synced, a crash cannot cut the file: there it keeps any of the
sectors that were written over them, and zeros in the place of the others.

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
    """Of data: a crash changes nothing of them."""
    durable_size: int = 0
    """A crash leaves the file at least so long."""

    def settle(self, durable_bytes: int, durable_size: int) -> None:
        """Note that so much is durable now; a file that was cut meanwhile has less."""
        self.durable_bytes = max(self.durable_bytes, min(durable_bytes, len(self.data)))
        self.durable_size = max(self.durable_size, min(durable_size, len(self.data)))

    def cut(self, size: int) -> None:
        """Cut the file, durably."""
        del self.data[size:]
        self.durable_bytes = self.durable_size = size


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
            kept = self._rng.randint(inode.durable_size, len(inode.data))
            del inode.data[kept:]
            self._make_holes(inode, len(inode.data) if self.garbles else inode.durable_size)
            inode.cut(len(inode.data))

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

    def append_to(self, path: Path, ahead_bytes: int = 0) -> AppendFile:
        self._check_write(path, 0)
        inode = self._files.setdefault(path, _Inode())
        return _OpenFile(self, path, inode, self._boots, len(inode.data), ahead_bytes)

    def replace(self, path: Path, data: bytes) -> None:
        self._check_write(path, len(data))
        self._files[path] = _Inode(bytearray(data), len(data), len(data))

    def truncate(self, path: Path, size: int) -> None:
        self._check_write(path, 0)
        inode = self._inode(path)
        assert size <= len(inode.data), f"truncate would grow {path}"
        inode.cut(size)

    def remove(self, path: Path) -> None:
        self._check_write(path, 0)
        self._files.pop(path, None)

    # --- inside

    def _make_holes(self, inode: _Inode, end: int) -> None:
        """Make holes before `end` in what was not synced: sectors reach a disk in any order, each
        whole. At the end of a file that was not durably so long, one that is missing makes none.
        """
        first = inode.durable_bytes
        if end == first:
            return
        for sector in range(first - first % SECTOR_BYTES, end, SECTOR_BYTES):
            if self._rng.random() < HOLES:
                start, stop = max(sector, first), min(sector + SECTOR_BYTES, len(inode.data))
                is_kept = stop < len(inode.data) or inode.durable_size > start
                inode.data[start:stop] = bytes(stop - start if is_kept else 0)

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
        end, file_end = file.end + len(data), len(file.inode.data)
        self._check_write(file.path, max(0, end - file_end))
        self._check_open(file)
        file.inode.data[file.end : end] = data
        file.end = end
        if end > file_end:
            self._write_ahead(file)

    def _write_ahead(self, file: _OpenFile) -> None:
        """Write zeros as far as a real disk would: where they find no room, never again."""
        if self._room_bytes is not None and file.ahead_bytes > self._room_bytes:
            file.ahead_bytes = 0
        self._check_write(file.path, file.ahead_bytes)
        file.inode.data += bytes(file.ahead_bytes)

    async def _sync(self, file: _OpenFile, end: int, file_end: int) -> None:
        await self._clock.sleep(self.sync_s)
        self._make_durable(file, end, file_end)

    def _make_durable(self, file: _OpenFile, end: int, file_end: int) -> None:
        self._check_write(file.path, 0)
        self._check_open(file)
        self.synced += 1
        file.inode.settle(end, file_end)

    def _trim(self, file: _OpenFile) -> None:
        self._make_durable(file, file.end, file.end)
        file.ahead_bytes = 0
        file.inode.cut(file.end)

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
    end: int
    """Of what was appended."""
    ahead_bytes: int
    closed: bool = False

    def append(self, data: bytes) -> None:
        self.disk._append(self, data)  # noqa: SLF001 - two halves of one thing

    def sync(self) -> asyncio.Future[None]:
        sync = self.disk._sync(self, self.end, len(self.inode.data))  # noqa: SLF001
        return asyncio.get_running_loop().create_task(sync)

    def sync_now(self) -> None:
        self.disk._make_durable(self, self.end, len(self.inode.data))  # noqa: SLF001

    def trim(self) -> None:
        self.disk._trim(self)  # noqa: SLF001

    def close(self) -> None:
        self.closed = True


def _error(number: int, path: Path) -> OSError:
    return OSError(number, os.strerror(number), str(path))
