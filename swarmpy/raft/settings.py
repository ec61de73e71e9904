"""Every number that consensus turns on, with what raising it costs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RaftSettings:
    """The defaults suit managers within 100 ms of each other on disks that sync in 50 ms.

    After the leader's machine dies, writes are accepted again within
    election_max_s + two round trips + one sync: 2 to 3 s; after its process dies, which breaks
    its links, within lost_link_max_s + the same: a second.
    """

    election_min_s: float = 1.0
    """A leader unheard of for this long is doubted; one that hears no quorum for this long
    steps down. At least 10 * heartbeat_s. Raised: a longer outage when a leader dies;
    lowered: a busy loop or a slow sync costs the lead."""
    election_max_s: float = 2.0
    """Elections start at a random time between the two. The nearer they are, the more often
    two candidates split the votes and the managers wait for another round."""
    lost_link_min_s: float = 0.2
    """A leader whose link broke is doubted sooner: at a random time between this and the next.
    Raised: a longer outage when a leader's process ends; lowered: a leader that loses its links
    for a moment loses the lead as well."""
    lost_link_max_s: float = 0.6
    """The nearer the two are, the more often two candidates split the votes."""
    heartbeat_s: float = 0.1
    """Between two signs of life. One frame for each follower; raised, followers learn
    later that a connection lost frames."""
    tick_s: float = 0.05
    """Between two looks at the clock, at most heartbeat_s. Raised: less work when idle, and
    every timeout up to this much later."""
    commit_notice_s: float = 0.01
    """How long a leader waits for a frame that happens to tell followers what is committed,
    before it makes one; so long followers apply later. Lowered: more frames under light load."""

    proposal_bytes: int = 1_500_000
    """The largest proposal. Raised: one write holds up all others for longer. Must stay
    below the network's frame limit with append_bytes added."""
    proposals_waiting: int = 4096
    """Proposals at once; further callers wait for a place. Raised: more memory, and longer
    waits when the disks are slow."""
    group_bytes: int = 4 << 20
    """What one loop turn appends at most, as one write to disk. Raised: longer turns."""

    append_bytes: int = 1 << 20
    """Entries in one frame; one entry more may go over it. Raised: later heartbeats behind
    a full frame."""
    window_frames: int = 64
    """Frames of entries to a follower without an answer. At least round trip / time to
    make one frame. Raised: more is sent twice after a lost connection."""

    snapshot_entries: int = 10_000
    """Applied entries between two snapshots. Raised: more memory and a longer start;
    lowered: the whole state is written more often."""
    snapshot_keep: int = 500
    """Entries kept behind a snapshot, so that a follower that was away shortly needs no
    snapshot. Raised: more memory."""
    snapshot_chunk_bytes: int = 1 << 20
    """A snapshot travels and is written in pieces of this size, one at a time for each
    follower: throughput is this / round trip. Raised: longer turns."""
    snapshot_bytes: int = 1 << 30
    """The largest snapshot that is accepted."""
    segment_bytes: int = 16 << 20
    """A log file is followed by a new one when it is larger. Raised: more disk is held by
    what a snapshot has made needless, and more is read at once at start."""

    log_ahead_bytes: int = 512 << 10
    """A log file that has to become longer becomes so much longer, with zeros: writing over them
    is durable sooner. Raised: the sync that makes them durable takes longer (1 ms for each MiB);
    lowered: it is needed more often."""

    catch_up_s: float = 60.0
    """How long a new member may take to get the log before it is refused, and a follower to
    install a snapshot before it is sent again. Raised: a change of members that goes wrong
    blocks the next one for longer."""
    inbox_frames: int = 4096
    """Frames that wait for the next turn; more are dropped, and sent again by their senders."""

    def __post_init__(self) -> None:
        assert self.heartbeat_s * 3 < self.election_min_s < self.election_max_s
        assert 0 < self.lost_link_min_s < self.lost_link_max_s <= self.election_max_s
        assert 0 < self.tick_s <= self.heartbeat_s
        assert self.snapshot_keep > 0
