"""Makes the log durable beside the loop: while one sync runs, the next group gathers."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable

import structlog

from swarmpy.raft.failures import Failures
from swarmpy.raft.log import RaftLog

log = structlog.get_logger()


class GroupCommit:
    """One sync at a time, each for everything that was written before it began.

    A sync that fails is a failure of the node: what it covered may be gone, though the file still
    reads as if it were there. Only a start from the disk tells the truth.
    """

    def __init__(self, log: RaftLog, on_durable: Callable[[], None], failures: Failures) -> None:
        self._log = log
        self._on_durable = on_durable
        self._failures = failures
        self._sync: asyncio.Future[None] | None = None
        self._has_ended = False

    def sync(self) -> None:
        """Begin to sync what was written, now or when the sync that runs is done."""
        if self._sync is None and self._log.needs_sync and not self._has_ended:
            self._sync = self._log.begin_sync()
            self._sync.add_done_callback(self._synced)

    def end(self) -> None:
        """Begin no sync any more, and wait for none."""
        self._has_ended = True
        if self._sync is not None:
            self._sync.cancel()

    def _synced(self, sync: asyncio.Future[None]) -> None:
        self._sync = None
        if sync.cancelled():
            return
        with self._failures:
            sync.result()
            if self._has_ended:
                return
            self._log.synced()
            self._tidy()
            self._on_durable()
            self.sync()

    def _tidy(self) -> None:
        try:
            self._log.tidy()
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            log.warning("raft_log_not_tidied", error=str(error))
