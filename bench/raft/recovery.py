"""A member with 100,000 entries in its log and no snapshot: its memory, and its start."""

from __future__ import annotations

import statistics

from bench.process_usage import rss_mb
from bench.raft.etcd import Etcd
from bench.raft.ours import Ours
from bench.raft.report import row

ENTRIES = 100_000


async def recovery(ours: Ours, etcd: Etcd, restarts: int) -> None:
    """`ours` must be set to take no snapshots; etcd takes its first after 100,000 entries."""
    await ours.fill(ENTRIES)
    await etcd.fill(ENTRIES)
    mine, theirs = (statistics.median(map(rss_mb, system.pids())) for system in (ours, etcd))
    row("memory of a member", f"{mine:.0f} MB", f"{theirs:.0f} MB", mine / theirs, "<= 1x")
    taken_s = [
        [await system.restart_follower() for _ in range(restarts)] for system in (ours, etcd)
    ]
    mine, theirs = (statistics.median(times_s) for times_s in taken_s)
    row("start to having all", f"{mine:.2f} s", f"{theirs:.2f} s", mine / theirs, "<= 2 s")
