"""Removes everything a node runs on this machine: `python -m swarmpy.daemon.wipe STATE_DIR`.

A program of its own, so that whoever leaves a swarm need not load an engine's client.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from swarmpy.daemon.clock import SystemClock
from swarmpy.daemon.engine import make_runtime
from swarmpy.daemon.settings import load
from swarmpy.errors import SwarmPyError
from swarmpy.raft.disk import LocalDisk
from swarmpy.security.certificates import NodeIdentity


async def wipe(state_dir: Path) -> None:
    """Raises SwarmPyError when the engine does not answer."""
    disk = LocalDisk()
    settings = load(state_dir, disk)
    identity = NodeIdentity.load(disk, state_dir)
    if identity is None:
        return
    runtime = make_runtime(settings, identity.node_id, SystemClock())
    try:
        await runtime.remove_all()
    finally:
        await runtime.close()


def main() -> int:
    try:
        asyncio.run(wipe(Path(sys.argv[1])))
    except SwarmPyError as error:
        sys.stderr.write(f"error: {error.message}\nhint: {error.remedy}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
