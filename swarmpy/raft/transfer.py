"""Carries a snapshot to a follower, one piece at a time.

leader   ── chunk(offset 0) ──>   follower
         <── next_offset ──────            each answer asks for the next piece;
         ── chunk(offset n) ──>            without one, the piece is sent again
"""

from __future__ import annotations

from dataclasses import dataclass, field

from swarmpy.pb.raft_pb2 import RaftSnapshotChunk


@dataclass(slots=True)
class Outgoing:
    """A snapshot on its way to one follower."""

    index: int
    data: bytes
    chunk_bytes: int
    offset: int = 0
    sent_at: float = float("-inf")

    def chunk(self) -> RaftSnapshotChunk:
        """Return the piece the follower needs next."""
        return RaftSnapshotChunk(
            index=self.index,
            offset=self.offset,
            total_bytes=len(self.data),
            data=self.data[self.offset : self.offset + self.chunk_bytes],
        )

    def asked_for(self, next_offset: int) -> bool:
        """Move to what the follower asks for; False when that is nothing new."""
        if next_offset == self.offset or next_offset > len(self.data):
            return False
        self.offset = next_offset
        return True

    @property
    def is_over(self) -> bool:
        return self.offset >= len(self.data)


@dataclass(slots=True)
class Incoming:
    """A snapshot on its way here. A newer one, or one from another leader, replaces it."""

    max_bytes: int
    source: tuple[str, int] | None = None
    """(leader, index) of what is being received."""
    data: bytearray = field(default_factory=bytearray)

    def take(self, peer: str, chunk: RaftSnapshotChunk) -> int:
        """Add a piece, and return the offset that is wanted next."""
        if self.source != (peer, chunk.index):
            self.source = (peer, chunk.index)
            self.data = bytearray()
        if chunk.offset == len(self.data) and chunk.total_bytes <= self.max_bytes:
            self.data += chunk.data
        return len(self.data)

    def finish(self) -> bytes:
        """Return everything, and be ready for another."""
        data = bytes(self.data)
        self.source = None
        self.data = bytearray()
        return data
