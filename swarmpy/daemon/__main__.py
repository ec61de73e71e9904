"""One node, in the foreground: `python -m swarmpy.daemon STATE_DIR`. Ends on SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from swarmpy.daemon.claim import claimed
from swarmpy.daemon.garbage import look_seldom
from swarmpy.daemon.node import Node
from swarmpy.daemon.settings import load
from swarmpy.errors import InvalidInput, SwarmPyError
from swarmpy.observe.logging import configure
from swarmpy.raft.disk import LocalDisk

SETTINGS_WRONG = 2
"""Exit code that a supervisor must not answer with another start."""


async def run(state_dir: Path) -> None:
    """Run the node until SIGTERM or SIGINT."""
    settings = load(state_dir, LocalDisk())
    with claimed(settings.state_dir):
        await _run(Node(settings))


async def _run(node: Node) -> None:
    loop = asyncio.get_running_loop()
    running = asyncio.current_task()
    assert running is not None

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, running.cancel)
    try:
        await node.run()
    except asyncio.CancelledError:
        return
    except BaseExceptionGroup as failures:
        expected, others = failures.split(SwarmPyError)
        if others is not None or expected is None:
            raise
        raise _first(expected) from failures


def _first(failures: BaseExceptionGroup[SwarmPyError]) -> SwarmPyError:
    failure = failures.exceptions[0]
    return _first(failure) if isinstance(failure, BaseExceptionGroup) else failure


def main() -> int:
    configure(sys.stderr, os.environ)
    look_seldom()
    try:
        asyncio.run(run(Path(sys.argv[1])))
    except SwarmPyError as error:
        sys.stderr.write(f"error: {error.message}\nhint: {error.remedy}\n")
        return SETTINGS_WRONG if isinstance(error, InvalidInput) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
