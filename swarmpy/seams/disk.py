"""The file operations that durability rests on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Protocol


class AppendFile(Protocol):
    """A file that only grows. OSError goes through: ENOSPC and EIO mean what they say."""

    def append(self, data: bytes) -> None: ...

    def sync(self) -> asyncio.Future[None]:
        """Begin to make durable what was appended so far; the future is done when it is. The loop
        runs on. A future that is cancelled tells nothing.
        """

    def sync_now(self) -> None:
        """Do the same while the loop waits."""

    def trim(self) -> None:
        """Let the file end with what was appended, durably; from now on it has no zeros ahead."""

    def close(self) -> None: ...


class Disk(Protocol):
    """The few file operations that durability rests on. Paths are absolute."""

    def make_dir(self, path: Path) -> None:
        """Create with parents, mode 0700; nothing happens when it is there."""

    def list_dir(self, path: Path) -> list[str]:
        """Return the names in a directory, sorted; [] when it is not there."""

    def read(self, path: Path) -> bytes:
        """Return the whole file. Raises FileNotFoundError."""

    def append_to(self, path: Path, ahead_bytes: int = 0) -> AppendFile:
        """Open for append; a new file's name is durable on return.

        Up to `ahead_bytes` of zeros may stand behind what was appended, until `trim`: what is
        written over them is durable sooner than what makes a file longer. A file that was closed
        or left by a crash before that ends with its zeros.
        """

    def replace(self, path: Path, data: bytes) -> None:
        """Write a whole file so that a crash leaves the old or the new one. Mode 0600."""

    def truncate(self, path: Path, size: int) -> None:
        """Cut a file, durably."""

    def remove(self, path: Path) -> None:
        """Remove durably; nothing happens when it is not there."""
