"""Tells a full disk, which passes, from a broken one, which does not."""

from __future__ import annotations

import errno
from types import TracebackType

import structlog

log = structlog.get_logger()


class FullDisk:
    """`with full_disk:` goes on after the block when the disk is full; other errors go through.

    What was to be written stays queued in the log and is tried again each turn. What was to be
    said after it is never said: peers see a lost frame. Entered several times in every turn.
    """

    def __init__(self) -> None:
        self.is_full = False
        """Remembered, so that it is said once and not each turn."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if not isinstance(error, OSError) or error.errno != errno.ENOSPC:
            return False
        if not self.is_full:
            log.warning("raft_disk_full", error=str(error))
        self.is_full = True
        return True

    def has_room(self) -> None:
        """Take note that a write succeeded."""
        if self.is_full:
            log.info("raft_disk_has_room")
        self.is_full = False
