"""Writes on their way: all that wait in one turn become one group in the log.

propose ──> queue ──(a turn)──> appended ──(majority durable, applied here)──> index
              │                     │
              └─ lead lost:         └─ lead lost:
                 NotLeader             OutcomeUnknown
"""

from __future__ import annotations

import asyncio
import errno
from collections import deque
from typing import TypeAlias

from swarmpy.errors import NotLeader, OutcomeUnknown, StorageFull
from swarmpy.raft.log import RaftLog
from swarmpy.raft.settings import RaftSettings

_Proposal: TypeAlias = tuple[bytes, asyncio.Future[int]]
"""A command, and who waits until it is applied."""


class Proposals:
    """Every proposal ends: applied, refused, or of unknown outcome."""

    def __init__(self, log: RaftLog, settings: RaftSettings) -> None:
        self.paused = False
        """Nothing new is appended while the lead is being handed over."""
        self._log = log
        self._settings = settings
        self._queue: deque[_Proposal] = deque()
        self._appended: dict[int, asyncio.Future[int]] = {}
        self._want_room: list[asyncio.Future[None]] = []
        self._last_group = 0
        """How many commands were appended last."""

    @property
    def are_full(self) -> bool:
        """As many wait as may."""
        return len(self._queue) + len(self._appended) >= self._settings.proposals_waiting

    def room(self) -> asyncio.Future[None]:
        """Return a future that is done when there may be room: look again then."""
        room: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._want_room.append(room)
        return room

    @property
    def has_more(self) -> bool:
        """Something waits that the next turn could append."""
        return bool(self._queue) and not self.paused

    @property
    def is_lone(self) -> bool:
        """One command waits, nothing is under way, and the one before came alone as well: it is
        not likely that others would join it.
        """
        return len(self._queue) == 1 and not self._appended and self._last_group <= 1

    def add(self, command: bytes) -> asyncio.Future[int]:
        """Queue a command for the next turn; the future gives its index once applied."""
        applied: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._queue.append((command, applied))
        return applied

    def append_group(self, term: int) -> None:
        """Append what waits, up to a limit, and write it.

        With a full disk nothing stays appended and all of the group are refused: nothing
        has been sent to anybody yet. Raises OSError for anything but a full disk.
        """
        if self.paused or not self._queue:
            return
        first_index = self._log.last_index + 1
        append, appended = self._log.append, self._appended
        group = self._take_group()
        self._last_group = len(group)
        for index, (command, applied) in enumerate(group, first_index):
            append(command, index, term)
            appended[index] = applied
        try:
            self._log.write_out()
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            last_index = self._log.last_index
            self._log.take_back_from(first_index)
            for index in range(first_index, last_index + 1):
                _fail(self._appended.pop(index), _storage_full())
            self._tell_room()

    def applied(self, first_index: int, last_index: int) -> None:
        """Tell whoever proposed one of these entries that it is applied."""
        if self._appended:
            take = self._appended.pop
            for index in range(first_index, last_index + 1):
                waiting = take(index, None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(index)
        if self._want_room:
            self._tell_room()

    def fail_all(self, leader_address: str) -> None:
        """End everything: the lead is lost."""
        while self._queue:
            _fail(self._queue.popleft()[1], NotLeader.ask(leader_address))
        for waiting in self._appended.values():
            _fail(waiting, _outcome_unknown())
        self._appended.clear()
        self._tell_room()

    def _tell_room(self) -> None:
        for room in self._want_room:
            if not room.done():
                room.set_result(None)
        self._want_room.clear()

    def _take_group(self) -> list[_Proposal]:
        group: list[_Proposal] = []
        size = 0
        while self._queue and (not group or size < self._settings.group_bytes):
            group.append(self._queue.popleft())
            size += len(group[-1][0])
        return group


def _fail(waiting: asyncio.Future[int], error: Exception) -> None:
    if not waiting.done():
        waiting.set_exception(error)


def _storage_full() -> StorageFull:
    return StorageFull(
        "this manager's disk is full; nothing was written",
        remedy="free space under its data directory; writes resume by themselves",
    )


def _outcome_unknown() -> OutcomeUnknown:
    return OutcomeUnknown(
        "the leader changed while this was being written; it may be written yet",
        remedy="look again before repeating it",
    )
