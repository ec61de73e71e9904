"""How far one follower has come, as its leader knows."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from swarmpy.pb.raft_pb2 import RaftAppendReply
from swarmpy.raft.transfer import Outgoing


@dataclass(slots=True)
class Progress:
    """While probing, one append is under way until an answer says where to go on;
    then a window of them.
    """

    next_index: int
    match_index: int = 0
    probing: bool = True
    waiting: deque[int] = field(default_factory=deque)
    """Last index of each append without an answer, oldest first."""
    snapshot: Outgoing | None = None
    lost_entries: bool = False

    def has_room(self, window_frames: int) -> bool:
        return len(self.waiting) < (1 if self.probing else window_frames)

    def sent(self, last_index: int) -> None:
        """Note that entries up to `last_index` are under way."""
        self.waiting.append(last_index)
        self.next_index = last_index + 1

    def matched(self, index: int) -> None:
        """Note that the follower holds everything up to `index` durably."""
        self.match_index = max(self.match_index, index)
        self.next_index = max(self.next_index, self.match_index + 1)
        self.probing = False
        while self.waiting and self.waiting[0] <= self.match_index:
            self.waiting.popleft()

    def rejected(self, reply: RaftAppendReply) -> bool:
        """Go back to where the follower asks; False when the rejection is an old one.

        Never below what it has acknowledged: a follower that lost that must not come back.
        """
        if reply.rejected_prev_index <= self.match_index:
            return False
        if self.probing and reply.rejected_prev_index >= self.next_index:
            return False
        asked = min(reply.next_index, reply.rejected_prev_index)
        self.next_index = max(asked, self.match_index + 1)
        self.start_probing()
        return True

    def start_probing(self) -> None:
        """Begin anew after what was last acknowledged, e.g. when a connection was lost."""
        self.probing = True
        self.waiting.clear()
