"""Commits per second with 1, 16 and 256 outstanding; both systems take turns."""

from __future__ import annotations

import statistics
from collections.abc import Iterable

from bench.raft.etcd import Etcd
from bench.raft.ours import Ours
from bench.raft.report import row
from bench.raft.slices import Slice

GOALS = {1: 1.0, 16: 3.0, 256: 3.5}


async def throughput(ours: Ours, etcd: Etcd, rounds: int, seconds: float) -> None:
    found: dict[tuple[str, int], list[Slice]] = {}
    for system in (ours, etcd):
        await system.load(16, seconds)
    for _ in range(rounds):
        for outstanding in GOALS:
            for name, system in (("ours", ours), ("etcd", etcd)):
                taken = found.setdefault((name, outstanding), [])
                taken.append(await system.load(outstanding, seconds))
    for outstanding, goal in GOALS.items():
        mine, theirs = (_median(found[name, outstanding]) for name in ("ours", "etcd"))
        pairs = zip(found["ours", outstanding], found["etcd", outstanding], strict=True)
        ratio = statistics.median(a.commits_per_s / b.commits_per_s for a, b in pairs)
        row(f"{outstanding} outstanding", _words(mine), _words(theirs), ratio, f">= {goal}x")


def _median(slices: Iterable[Slice]) -> Slice:
    columns = zip(*((s.commits_per_s, s.p50_ms, s.p99_ms, s.cpu_us) for s in slices), strict=True)
    return Slice(*(statistics.median(column) for column in columns))


def _words(found: Slice) -> str:
    return (
        f"{found.commits_per_s:,.0f}/s  p50 {found.p50_ms:.2f} ms  p99 {found.p99_ms:.1f} ms  "
        f"cpu {found.cpu_us:.0f} us"
    )
