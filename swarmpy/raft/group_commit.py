"""Makes the log durable beside the loop: while one sync runs, the next group gathers."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable

import structlog

from swarmpy.raft.log import RaftLog

log = structlog.get_logger()


class GroupCommit:
    """One sync at a time, each for everything that was written before it began."""

    def __init__(self, log: RaftLog, on_durable: Callable[[], None]) -> None:
        self._log = log
        self._on_durable = on_durable
        self._written = asyncio.Event()

    def kick(self) -> None:
        """Say that something was written."""
        self._written.set()

    async def run(self) -> None:
        """Sync until cancelled.

        Raises:
            OSError: a sync failed. What it covered may be gone, though the file still reads
                as if it were there: only a start from the disk tells the truth.
        """
        while True:
            await self._written.wait()
            self._written.clear()
            await self._log.sync()
            self._on_durable()
            self._tidy()

    def _tidy(self) -> None:
        try:
            self._log.tidy()
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            log.warning("raft_log_not_tidied", error=str(error))
