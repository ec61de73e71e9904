"""The log: entries in memory, each of them on its way to disk, and what is durable of it."""

from __future__ import annotations

import asyncio

from swarmpy.errors import StorageCorrupt
from swarmpy.pb.raft_pb2 import RaftBallot, RaftBase, RaftRecord
from swarmpy.raft import refused
from swarmpy.raft.commands import MEMBERSHIP, NO_OP_COMMAND, Entry, Members, members_in
from swarmpy.raft.segments import Segments

FIRST: Entry = (NO_OP_COMMAND, 1, 0)
"""Every log begins with this entry; it is on nobody's disk."""


class RaftLog:
    """Entries first_index..last_index; there is always at least one.

    `durable_index` is the highest entry that would survive a crash now: nothing above it may
    be acknowledged to anybody.
    """

    def __init__(self, segments: Segments) -> None:
        self.entries: list[Entry] = [FIRST]
        self.term = 0
        self.voted_for: str | None = None
        self.log_id = 0
        """Made by chance when the log began, and kept as long as it lasts."""
        self.durable_index = 1
        self.needs_sync = False
        """Something was written since the last sync began."""
        self._segments = segments
        self._written_index = 1
        self._syncing_index = 1
        self._floor: tuple[int, Members] = (1, {})
        self._configurations: list[tuple[int, Members]] = []

    # --- start

    def recover(self, reaches: int = 0) -> None:
        """Read everything back; a snapshot says that there was a file of number `reaches`.

        Raises:
            StorageCorrupt: as `Segments.recover` does, and when there is no such file any more.
        """
        for record in self._segments.recover():
            self._replay(record)
        if self._segments.newest_number < reaches:
            raise refused.missing_newest(self._segments.directory, reaches)
        self.term = max(self.term, self.last_term)
        if not self.log_id:  # it is new, or of a version in which logs had none
            self.log_id = self._segments.new_log_id()
        if not self._segments.newest_number:
            self._segments.begin(self._ballot())
        self.durable_index = self._written_index = self.last_index

    def _replay(self, record: RaftRecord) -> None:
        match record.WhichOneof("record"):
            case "entry":
                entry = record.entry
                if self.entries == [FIRST] and entry.index > 2:
                    self.entries = []
                elif entry.index != self.last_index + 1:
                    directory = self._segments.directory
                    raise refused.out_of_order(directory, entry.index, self.last_index)
                self._add((entry.command, entry.index, entry.term))
            case "ballot":
                self.term = record.ballot.term
                self.voted_for = record.ballot.voted_for or None
                self.log_id = record.ballot.log_id
            case "cut_from":
                if self.first_index < record.cut_from <= self.last_index:
                    self._cut(record.cut_from)
                elif record.cut_from <= self.first_index:
                    self._restart(FIRST)
            case "base":
                self._restart((NO_OP_COMMAND, record.base.index, record.base.term))
            case None:
                raise StorageCorrupt(
                    "the Raft log holds a record that this version does not know",
                    remedy="run the version of SwarmPy that wrote it, or a newer one",
                )

    # --- what it holds

    @property
    def file_number(self) -> int:
        """The number of its newest file."""
        return self._segments.newest_number

    @property
    def first_index(self) -> int:
        return self.entries[0][1]

    @property
    def last_index(self) -> int:
        return self.entries[-1][1]

    @property
    def last_term(self) -> int:
        return self.entries[-1][2]

    @property
    def members(self) -> Members:
        """The newest membership, committed or not."""
        return self._configurations[-1][1] if self._configurations else self._floor[1]

    @property
    def members_index(self) -> int:
        """The entry that `members` came with."""
        return self._configurations[-1][0] if self._configurations else self._floor[0]

    def members_at(self, index: int) -> Members:
        """Return the membership that held at an entry."""
        held = self._floor[1]
        for at, members in self._configurations:
            if at <= index:
                held = members
        return held

    def term_at(self, index: int) -> int | None:
        """Return an entry's term; None when it is not here."""
        if not self.first_index <= index <= self.last_index:
            return None
        return self.entries[index - self.first_index][2]

    def slice(self, start: int, max_bytes: int) -> list[Entry]:
        """Return entries from `start` on: at least one, then up to `max_bytes` of commands."""
        assert self.first_index <= start <= self.last_index
        taken: list[Entry] = []
        size = 0
        for position in range(start - self.first_index, len(self.entries)):
            entry = self.entries[position]
            size += len(entry[0])
            if taken and size > max_bytes:
                break
            taken.append(entry)
        return taken

    # --- changes, in memory at once and queued for the disk

    def append(self, command: bytes, index: int, term: int) -> None:
        assert index == self.entries[-1][1] + 1, (index, self.last_index)
        entry = (command, index, term)
        self._add(entry)
        self._segments.put(entry)

    def cut_from(self, index: int) -> None:
        """Drop this entry and all after it."""
        assert self.first_index < index <= self.last_index
        self._cut(index)
        self._segments.put(RaftRecord(cut_from=index))

    def restart_at(self, index: int, term: int, members: Members) -> None:
        """Drop everything: a durable snapshot holds all entries up to `index`."""
        self._restart((NO_OP_COMMAND, index, term))
        self._floor = (index, members)
        self.durable_index = self._written_index = self._syncing_index = index
        self._segments.put(RaftRecord(base=RaftBase(index=index, term=term)))

    def set_ballot(self, term: int, voted_for: str | None) -> None:
        """Remember term and vote, durably on return. Raises OSError."""
        self.term, self.voted_for = term, voted_for
        self._segments.put(RaftRecord(ballot=self._ballot()))
        self.sync_now()

    def take_back_from(self, index: int) -> None:
        """Drop entries that were appended last and have not been written."""
        assert self._written_index < index <= self.last_index
        self._segments.take_back(self.last_index - index + 1)
        self._cut(index)

    def rest_on(self, snapshot_index: int, members: Members) -> None:
        """Take the membership at a durable snapshot from it, not from the entries before."""
        self._floor = (snapshot_index, members)
        self._configurations = [c for c in self._configurations if c[0] > snapshot_index]

    def forget_below(self, index: int) -> None:
        """Drop entries below `index` from memory; a snapshot must hold it."""
        assert self.first_index <= index <= self._floor[0]
        del self.entries[: index - self.first_index]

    # --- disk

    def write_out(self) -> bool:
        """Write what is queued; False when there was nothing. Raises OSError."""
        if not self._segments.has_waiting:
            return False
        self._segments.write_out(self._ballot())
        self._written_index = self.last_index
        self.needs_sync = True
        return True

    def sync_now(self) -> None:
        """Make everything durable while the loop waits. Raises OSError."""
        self.write_out()
        self._segments.sync_now()
        self.needs_sync = False
        self.durable_index = self.last_index

    def begin_sync(self) -> asyncio.Future[None]:
        """Begin to make durable what is written; `synced` follows when the future is done. One at
        a time.
        """
        self._syncing_index = self._written_index
        self.needs_sync = False
        return self._segments.begin_sync()

    def synced(self) -> None:
        """Take note that the sync that was begun last is done."""
        self._segments.synced()
        self.durable_index = max(self.durable_index, self._syncing_index)

    def tidy(self) -> None:
        """Begin a new file if it is time, and remove needless ones. No sync may be under way."""
        if self._segments.is_full:
            self._segments.begin(self._ballot())
        self._segments.remove_below(self.first_index)

    def close(self) -> None:
        self._segments.close()

    # --- inside

    def _ballot(self) -> RaftBallot:
        return RaftBallot(term=self.term, voted_for=self.voted_for or "", log_id=self.log_id)

    def _add(self, entry: Entry) -> None:
        self.entries.append(entry)
        if entry[0][0] == MEMBERSHIP:
            members = members_in(entry[0])
            assert members is not None
            self._configurations.append((entry[1], members))

    def _cut(self, index: int) -> None:
        del self.entries[index - self.first_index :]
        self._configurations = [c for c in self._configurations if c[0] < index]
        self.durable_index = min(self.durable_index, index - 1)
        self._written_index = min(self._written_index, index - 1)
        self._syncing_index = min(self._syncing_index, index - 1)

    def _restart(self, base: Entry) -> None:
        self.entries = [base]
        self._configurations = []
