"""What a sync takes: of a log file that becomes longer, and of one with zeros ahead.

    python bench/raft_sync.py [DIRECTORY]

Both write the same records in turns, to the disk of DIRECTORY.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from swarmpy.raft.disk import LocalDisk
from swarmpy.raft.settings import RaftSettings
from swarmpy.seams import AppendFile

RECORD_BYTES = (300, 5_000, 66_000)
"""Written at once with 1, 16 and 256 proposals outstanding, about."""
TURNS = 20
WRITES = 50


def main() -> None:
    ahead_bytes = RaftSettings().log_ahead_bytes
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if sys.argv[1:] else None) as directory:
        for size in RECORD_BYTES:
            ways = {"longer": 0, "zeros ahead": ahead_bytes}
            files = {
                way: LocalDisk().append_to(Path(directory) / f"{way} {size}", ahead)
                for way, ahead in ways.items()
            }
            took: dict[str, list[float]] = {way: [] for way in ways}
            for _ in range(TURNS):
                for way, file in files.items():
                    took[way] += _write(file, os.urandom(size))
            print(f"{size:6} bytes:  " + ",  ".join(f"{w}: {_words(t)}" for w, t in took.items()))


def _write(file: AppendFile, record: bytes) -> list[float]:
    """Write and sync so often; return how long each took, in milliseconds."""
    took: list[float] = []
    for _ in range(WRITES):
        began = time.perf_counter()
        file.append(record)
        file.sync_now()
        took.append((time.perf_counter() - began) * 1000)
    return took


def _words(took_ms: list[float]) -> str:
    return f"median {statistics.median(took_ms):.3f} ms, mean {statistics.mean(took_ms):.3f} ms"


if __name__ == "__main__":
    main()
