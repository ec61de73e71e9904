"""Carries a snapshot to a follower, one piece at a time.

leader   ── header, chunk(offset 0) ──>   follower
         <── next_offset ──────────────           each answer asks for the next piece;
         ── header, chunk(offset n) ──>           without one, the piece is sent again

Every piece comes with the header, which says what it is a piece of: index, term, checksum. So
the follower goes on where it was when a link breaks, and also when another leader has the
same snapshot.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from swarmpy.pb.raft_pb2 import RaftSnapshotChunk, RaftSnapshotHeader
from swarmpy.raft.snapshot_file import Snapshot, StoredSnapshot, crc_of


@dataclass(slots=True)
class Outgoing:
    """A snapshot on its way to one follower."""

    stored: StoredSnapshot
    chunk_bytes: int
    offset: int = 0
    sent_at: float = float("-inf")

    @property
    def index(self) -> int:
        return self.stored.header.index

    def chunk(self) -> RaftSnapshotChunk:
        """Return the piece the follower needs next. Raises StorageCorrupt."""
        data = self.stored.piece(self.offset, self.chunk_bytes)
        return RaftSnapshotChunk(offset=self.offset, data=data, header=self.stored.header)

    def asked_for(self, next_offset: int) -> bool:
        """Move to what the follower asks for; False when that is nothing new."""
        if next_offset == self.offset or next_offset > self.stored.header.state_bytes:
            return False
        self.offset = next_offset
        return True

    def link_broke(self) -> None:
        """Let the piece that was under way be sent again at once."""
        if not self.is_over:
            self.sent_at = float("-inf")

    @property
    def is_over(self) -> bool:
        """The follower has all of it, or will ask again."""
        was_sent = self.sent_at > float("-inf")
        return was_sent and self.offset >= self.stored.header.state_bytes


@dataclass(slots=True)
class Incoming:
    """A snapshot on its way here. Another one replaces it."""

    max_bytes: int
    header: RaftSnapshotHeader | None = None
    """What is being received."""
    pieces: list[bytes] = field(default_factory=list)
    size: int = 0

    def take(self, chunk: RaftSnapshotChunk) -> int:
        """Add a piece, and return the offset that is wanted next."""
        if self.header != chunk.header:
            self._begin(chunk.header)
        fits = self.size + len(chunk.data) <= min(chunk.header.state_bytes, self.max_bytes)
        if chunk.offset == self.size and chunk.data and fits:
            self.pieces.append(chunk.data)
            self.size += len(chunk.data)
        return self.size

    def finish(self) -> Snapshot | None:
        """Return it when it is whole, and be ready for another; None when it is damaged."""
        header, pieces = self.header, self.pieces
        assert header is not None
        self._begin(None)
        if crc_of(pieces) != header.state_crc32c:
            return None
        return Snapshot.of(header, pieces)

    def _begin(self, header: RaftSnapshotHeader | None) -> None:
        self.header = header
        self.pieces = []
        self.size = 0
