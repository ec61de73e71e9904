"""Tells a daemon that is about to be stopped that its node leaves the swarm for good.

A daemon that is stopped for another reason, such as a new version, says no good-bye: its tasks run
on, and others go on leading to them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from swarmpy.seams import Disk

NAME: Final = "leaving"


class Farewell:
    """A file in the node's directory, which is removed with it."""

    def __init__(self, disk: Disk, state_dir: Path) -> None:
        self._disk = disk
        self._path = state_dir / NAME

    @property
    def is_wanted(self) -> bool:
        """Whether others shall be told."""
        try:
            self._disk.read(self._path)
        except OSError:
            return False
        return True

    def want(self) -> None:
        """Let the daemon say good-bye when it is stopped. Raises OSError."""
        self._disk.replace(self._path, b"")

    def forget(self) -> None:
        """A daemon starts: whoever wanted it to leave has given up."""
        self._disk.remove(self._path)
