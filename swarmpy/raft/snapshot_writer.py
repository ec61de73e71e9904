"""Writes snapshots beside the turns: the member's own, and those a leader sends.

Taking one is a cheap cut of the state; its bytes are made, sealed and written in pieces.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable

import structlog

from swarmpy.raft.member import Member
from swarmpy.raft.settings import RaftSettings
from swarmpy.raft.snapshot_file import Snapshot
from swarmpy.raft.snapshots import SnapshotStore
from swarmpy.seams import Clock

log = structlog.get_logger()


class SnapshotWriter:
    """One at a time; a snapshot from the leader goes first."""

    def __init__(
        self,
        member: Member,
        store: SnapshotStore,
        clock: Clock,
        settings: RaftSettings,
        wake: Callable[[], None],
    ) -> None:
        self._member = member
        self._store = store
        self._clock = clock
        self._settings = settings
        self._wake = wake
        self._work = asyncio.Event()
        self._own_is_due = False
        self._received: tuple[str, Snapshot] | None = None
        self._tried_index = store.index
        """Where the last own snapshot was taken, written or not."""

    def take_if_due(self) -> None:
        """Let `run` take a snapshot when enough was applied since the last."""
        applied = self._member.core.applied_index
        since = max(self._tried_index, self._store.index)
        if not self._own_is_due and applied - since >= self._settings.snapshot_entries:
            self._tried_index = applied
            self._own_is_due = True
            self._work.set()

    def received(self, leader: str, snapshot: Snapshot) -> None:
        """Write and then install what a leader has sent."""
        self._received = (leader, snapshot)
        self._work.set()

    async def run(self) -> None:
        """Write until cancelled. A full disk costs a snapshot, nothing else; OSError goes on."""
        while True:
            await self._work.wait()
            self._work.clear()
            try:
                await self._write_received()
                await self._write_own()
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                log.warning("raft_snapshot_not_written", error=str(error))
                self._own_is_due = False

    async def _write_received(self) -> None:
        if self._received is None:
            return
        leader, snapshot = self._received
        self._received = None
        if snapshot.index > self._store.index:
            await self._store.save(snapshot, self._member.log.file_number)
        self._member.install(leader, snapshot)
        self._wake()

    async def _write_own(self) -> None:
        if not self._own_is_due:
            return
        snapshot = await self._member.snapshot()
        if snapshot.index > self._store.index:
            size = await self._store.save(snapshot, self._member.log.file_number)
            self._member.snapshot_saved(snapshot)
            log.info("raft_snapshot_saved", index=snapshot.index, bytes=size)
        self._own_is_due = False
