"""Our Raft beside etcd's: throughput, fail-over, restart, memory, and objects through the API.

    scripts/bench raft [--quick] [--only PART]

Three members each, on one disk, with fsync on, by turns. Ours speak mutual TLS, etcd's plain text;
ours make their load in the leader's process, etcd's comes from h2load.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from shutil import which

from bench.raft.bulk import bulk
from bench.raft.etcd import Etcd
from bench.raft.failover import failover
from bench.raft.ours import Ours
from bench.raft.recovery import ENTRIES, recovery
from bench.raft.report import title
from bench.raft.swarm import swarm
from bench.raft.throughput import throughput

PARTS = ("throughput", "bulk", "failover", "recovery")
NO_SNAPSHOTS = 1_000_000_000


async def run(root: Path, part: str, *, quick: bool) -> None:
    directory = root / part
    for name in ("ours", "etcd"):
        (directory / name).mkdir(parents=True)
    if part == "bulk":
        async with (
            swarm(directory / "ours") as client,
            Etcd(directory / "etcd").running() as etcd,
        ):
            title("The control API in bulk")
            await bulk(client, etcd, rounds=2 if quick else 7, seconds=2.0)
        return
    settings = {"snapshot_entries": NO_SNAPSHOTS} if part == "recovery" else {}
    async with (
        Ours(directory / "ours", **settings).running() as ours,
        Etcd(directory / "etcd").running() as etcd,
    ):
        match part:
            case "throughput":
                title("Commits: 200 bytes each; median of the slices")
                await throughput(ours, etcd, rounds=2 if quick else 7, seconds=1.0)
            case "failover":
                title("Fail-over")
                await failover(ours, etcd, kills=3 if quick else 9)
            case _:
                title(f"{ENTRIES:,} entries in the log")
                await recovery(ours, etcd, restarts=1 if quick else 5)


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench raft", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--only", choices=PARTS, help="one part")
    asked = parser.parse_args()
    for program, package in (("etcd", "etcd-server"), ("h2load", "nghttp2-client")):
        if which(program) is None:
            sys.exit(f"{program} is missing: apt-get install {package}")
    for part in [asked.only] if asked.only else PARTS:
        with tempfile.TemporaryDirectory(prefix="swarmpy-bench-raft-") as root:
            asyncio.run(run(Path(root), part, quick=asked.quick))


if __name__ == "__main__":
    main()
