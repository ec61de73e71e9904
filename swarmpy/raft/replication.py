"""How a leader brings its log to the others: a window of appends, or a snapshot first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import structlog

from swarmpy.pb.raft_pb2 import RaftAppendReply, RaftFrame, RaftSnapshotReply, RaftTimeoutNow
from swarmpy.raft.append import Append
from swarmpy.raft.frames import encode_append
from swarmpy.raft.log import RaftLog
from swarmpy.raft.progress import Progress
from swarmpy.raft.settings import RaftSettings
from swarmpy.raft.snapshots import SnapshotStore
from swarmpy.raft.transfer import Outgoing

log = structlog.get_logger()

Send = Callable[[str, bytes], bool]


class Replication:
    """Who follows and how far they are. Empty while another member leads."""

    def __init__(
        self,
        raft_log: RaftLog,
        snapshots: SnapshotStore,
        send: Send,
        settings: RaftSettings,
        now: Callable[[], float],
    ) -> None:
        self._log = raft_log
        self._snapshots = snapshots
        self._send = send
        self._settings = settings
        self._now = now
        self._progress: dict[str, Progress] = {}
        self._linked: set[str] = set()
        self.told_commit = 0
        """The newest commit index that was sent to anybody."""
        self._made_for: tuple[int, ...] = ()
        self._made: tuple[bytes, int] = (b"", 0)
        """The last append that was made, and its last entry: followers in step get the same."""

    @property
    def progress(self) -> Mapping[str, Progress]:
        return self._progress

    def durable(self) -> dict[str, int]:
        """Return what each follower holds durably."""
        return {peer: progress.match_index for peer, progress in self._progress.items()}

    def most_advanced(self, voters: Iterable[str]) -> str | None:
        """Return the voting follower that holds the most of the log."""
        held = {
            peer: self._progress[peer].match_index
            for peer in sorted(voters)
            if peer in self._progress
        }
        return max(held, key=lambda peer: held[peer], default=None)

    def hand_over(self, peer: str, term: int) -> None:
        """Ask a follower that holds the whole log to campaign now."""
        self._send(peer, RaftFrame(term=term, timeout_now=RaftTimeoutNow()).SerializeToString())

    def set_followers(self, peers: Iterable[str]) -> None:
        """Replicate to exactly these, whether they vote or not."""
        wanted = set(peers)
        for peer in [p for p in self._progress if p not in wanted]:
            del self._progress[peer]
        for peer in sorted(wanted - self._progress.keys()):
            self._progress[peer] = Progress(next_index=self._log.last_index + 1)

    def link_changed(self, peer: str, *, up: bool) -> None:
        """Take nothing for granted that was under way on a link that came or went."""
        if up:
            self._linked.add(peer)
        else:
            self._linked.discard(peer)
        progress = self._progress.get(peer)
        if progress is not None:
            progress.start_probing()
            progress.next_index = min(progress.next_index, self._log.last_index + 1)
            if progress.snapshot is not None:
                self._resume(progress, progress.snapshot)

    # --- sending

    def send_new(self, term: int, commit_index: int) -> None:
        """Send what followers lack, as far as their windows allow."""
        last_index = self._log.last_index
        for peer, progress in self._in_reach():
            while progress.next_index <= last_index and progress.snapshot is None:
                if not progress.has_room(self._settings.window_frames):
                    break
                if not self._send_entries(peer, progress, term, commit_index):
                    break

    def heartbeat(self, term: int, commit_index: int) -> None:
        """Say to every follower that the lead is held, and what is committed."""
        self.told_commit = commit_index
        for peer, progress in self._in_reach():
            if progress.snapshot is not None:
                self._push_snapshot(peer, progress, progress.snapshot, term)
            elif progress.next_index <= self._log.first_index:
                self._start_snapshot(peer, progress, term)
            self._send_sign_of_life(peer, progress, term, commit_index)

    def tell_commit(self, term: int, commit_index: int) -> None:
        """Say what is committed, for want of entries that would carry it."""
        self.told_commit = commit_index
        for peer, progress in self._in_reach():
            self._send_sign_of_life(peer, progress, term, commit_index)

    def _in_reach(self) -> list[tuple[str, Progress]]:
        return [(peer, p) for peer, p in self._progress.items() if peer in self._linked]

    def _send_entries(self, peer: str, progress: Progress, term: int, commit_index: int) -> bool:
        """Send one frame of entries; False when that is not possible now."""
        prev_index = progress.next_index - 1
        prev_term = self._log.term_at(prev_index)
        if prev_term is None:
            return False
        made_for = (prev_index, prev_term, self._log.last_index, term, commit_index)
        if self._made_for != made_for:
            entries = self._log.slice(progress.next_index, self._settings.append_bytes)
            append = Append(prev_index, prev_term, entries, commit_index)
            self._made_for, self._made = made_for, (encode_append(term, append), entries[-1][1])
        frame, last_index = self._made
        if not self._send(peer, frame):
            return False
        progress.sent(last_index)
        self.told_commit = max(self.told_commit, commit_index)
        return True

    def _send_sign_of_life(
        self, peer: str, progress: Progress, term: int, commit_index: int
    ) -> None:
        """Send an append without entries; its rejection says where the follower stands."""
        prev_index = max(progress.next_index - 1, self._log.first_index)
        prev_term = self._log.term_at(prev_index)
        assert prev_term is not None, (prev_index, self._log.last_index)
        self._send(peer, encode_append(term, Append(prev_index, prev_term, [], commit_index)))

    # --- answers

    def answered(self, peer: str, reply: RaftAppendReply) -> bool:
        """Take an append's answer; False when it is from no follower."""
        progress = self._progress.get(peer)
        if progress is None:
            return False
        if reply.success:
            progress.matched(reply.match_index)
        elif not progress.rejected(reply) and reply.next_index <= progress.match_index:
            self._report_loss(peer, progress)
        if progress.snapshot is not None and progress.match_index >= progress.snapshot.index:
            progress.snapshot = None
        return True

    @staticmethod
    def _report_loss(peer: str, progress: Progress) -> None:
        """Say once that a follower forgot what it had acknowledged; it is stuck for good."""
        if not progress.lost_entries:
            progress.lost_entries = True
            log.error("raft_peer_lost_entries", peer=peer, had=progress.match_index)

    # --- snapshots

    def chunk_answered(self, peer: str, reply: RaftSnapshotReply, term: int) -> None:
        """Send the piece that a follower asks for."""
        progress = self._progress.get(peer)
        if progress is None or progress.snapshot is None:
            return
        outgoing = progress.snapshot
        if reply.index == outgoing.index and outgoing.asked_for(reply.next_offset):
            self._send_chunk(peer, outgoing, term)

    def _start_snapshot(self, peer: str, progress: Progress, term: int) -> None:
        stored = self._snapshots.read()
        if stored is None:
            return
        size = stored.header.state_bytes
        log.info("raft_snapshot_sent", peer=peer, index=stored.header.index, bytes=size)
        progress.snapshot = Outgoing(stored, self._settings.snapshot_chunk_bytes)
        self._send_chunk(peer, progress.snapshot, term)

    def _resume(self, progress: Progress, outgoing: Outgoing) -> None:
        """Go on where the link broke, unless there is a newer snapshot by now."""
        if outgoing.index == self._snapshots.index:
            outgoing.link_broke()
        else:
            progress.snapshot = None

    def _push_snapshot(self, peer: str, progress: Progress, outgoing: Outgoing, term: int) -> None:
        """Repeat a piece that was not answered, and all of it when it was never installed."""
        waited_s = self._now() - outgoing.sent_at
        if not outgoing.is_over and waited_s > self._settings.election_min_s:
            self._send_chunk(peer, outgoing, term)
        elif waited_s > self._settings.catch_up_s:
            progress.snapshot = None

    def _send_chunk(self, peer: str, outgoing: Outgoing, term: int) -> None:
        outgoing.sent_at = self._now()
        if not outgoing.is_over:
            frame = RaftFrame(term=term, snapshot_chunk=outgoing.chunk())
            self._send(peer, frame.SerializeToString())
