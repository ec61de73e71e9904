"""The kill campaign at length: python -m tests.e2e.kill_campaign --faults 100 --members 3 --seed 1

Prints what was found, and the directory with the logs when something is wrong; exit 1 then.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from tests.e2e.campaign import Campaign


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--members", type=int, choices=(3, 5), default=3)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="swarmpy-kill-campaign-"))
    print(f"in {directory}", flush=True)
    verdict = asyncio.run(Campaign(directory, asked.members, asked.seed).run(asked.faults))
    print(verdict)
    if not verdict.holds:
        sys.exit(1)
    shutil.rmtree(directory)


if __name__ == "__main__":
    main()
