"""What one slice of load found, and what Linux says about a process meanwhile."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
VALUE_BYTES = 200


@dataclass(frozen=True, slots=True)
class Slice:
    commits_per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    """Of the leader's process, for each commit."""


def slice_of(latencies_s: Sequence[float], seconds: float, cpu_s: float) -> Slice:
    """Return what a slice found: one latency for each commit, the leader's CPU time for all."""
    ordered = sorted(latencies_s)
    count = len(ordered)
    assert count, "nothing was committed in a whole slice"
    return Slice(
        commits_per_s=count / seconds,
        p50_ms=ordered[count // 2] * 1000,
        p99_ms=ordered[count * 99 // 100] * 1000,
        cpu_us=cpu_s / count * 1e6,
    )


def cpu_s(pid: int) -> float:
    """Return the CPU time a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def rss_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
