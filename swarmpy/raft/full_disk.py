"""Tells a full disk, which passes, from a broken one, which does not."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

log = structlog.get_logger()


class FullDisk:
    """Remembers whether the disk is full, so that it is said once and not each turn."""

    def __init__(self) -> None:
        self.is_full = False

    @contextmanager
    def tolerated(self) -> Iterator[None]:
        """Go on after the block when the disk is full; any other OSError goes through.

        What was to be written stays queued in the log and is tried again each turn. What
        was to be said after it is never said: peers see a lost frame.
        """
        try:
            yield
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            if not self.is_full:
                log.warning("raft_disk_full", error=str(error))
            self.is_full = True

    def has_room(self) -> None:
        """Take note that a write succeeded."""
        if self.is_full:
            log.info("raft_disk_has_room")
        self.is_full = False
