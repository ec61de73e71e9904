"""Gossip in the simulator: the figures of its protocol, with what they are to be.

    python -m bench.gossip [--quick] [--only PART]

Virtual time, loss as given, delays of 0.3 to 2 ms, real sizes of messages. The same figures come
out of every run.
"""

from __future__ import annotations

import argparse
import sys
import time

from bench.gossip.endpoints import burst, one_update
from bench.gossip.healing import healing, partition
from bench.gossip.members import detection, false_deaths, idle, paused, slow_nodes
from bench.gossip.report import MISSED, row, title
from swarmpy.core.gossip.profile import DEFAULT, LAN

PARTS = ("deaths", "false", "slow", "idle", "endpoints", "bursts", "healing")


def run(part: str, *, quick: bool) -> None:
    size = 200 if quick else 1000
    match part:
        case "deaths":
            title("Deaths, 5 % loss")
            detection(DEFAULT, "default", 20, kills=5, goal_s=10.0)
            kills = 2 if quick else 4
            detection(DEFAULT, "default", size, kills, goal_s=8.0)
            detection(LAN, "lan", size, kills, goal_s=15.0)
        case "false":
            title("False deaths")
            false_deaths(100, 20_000 if quick else 1_000_000, 0.05)
        case "slow":
            title("Slow and stopped nodes")
            for lag_s in (8.0, 16.0):
                slow_nodes(lag_s, 30.0 if quick else 60.0, 1 if quick else 2)
            for profile, name, pause_s, goal in (
                (DEFAULT, "default", 5.0, "0"),
                (DEFAULT, "default", 8.0, ""),
                (LAN, "lan", 5.0, "0"),
            ):
                paused(profile, name, pause_s, goal)
        case "idle":
            title("Idle")
            idle((10, 100) if quick else (10, 100, 1000), 20.0)
        case "endpoints":
            title("Single endpoints")
            one_update(size, 0.0, 1.0, rounds=5)
            one_update(size, 0.25, 1.5, rounds=2)
        case "bursts":
            title("Bursts")
            burst(25, 500, 25)
            burst(size, size, 1, goal_bytes=2.0)
            burst(size, size, size, goal_bytes=2.0)
        case _:
            title("Healing")
            for apart in (1, 3, 12):
                partition(25, apart, cuts=3 if quick else 10)
            healing(seeds=100 if quick else 2000)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.gossip", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer nodes and rounds")
    parser.add_argument("--only", choices=PARTS, help="one part")
    asked = parser.parse_args()
    for part in [asked.only] if asked.only else PARTS:
        began_s = time.process_time()
        run(part, quick=asked.quick)
        row("  CPU for this part", f"{time.process_time() - began_s:.0f} s", "", met=None)
    sys.exit(1 if MISSED else 0)


if __name__ == "__main__":
    main()
