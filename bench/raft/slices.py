"""What one slice of load found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
