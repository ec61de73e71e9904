"""From `kill -9` of the leader to the next commit, with default timeouts."""

from __future__ import annotations

import statistics

from bench.raft.etcd import Etcd
from bench.raft.ours import Ours
from bench.raft.report import row


async def failover(ours: Ours, etcd: Etcd, kills: int) -> None:
    mine: list[float] = []
    theirs: list[float] = []
    for _ in range(kills):
        mine.append(await ours.fail_over())
        theirs.append(await etcd.fail_over())
    ratio = statistics.median(mine) / statistics.median(theirs)
    row(f"{kills} kills of the leader", _words(mine), _words(theirs), ratio, "<= 1.5 s, <= 1x")


def _words(times_s: list[float]) -> str:
    middle = statistics.median(times_s)
    return f"median {middle:.2f} s ({min(times_s):.2f} to {max(times_s):.2f})"
