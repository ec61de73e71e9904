"""`python -m swarmpy.gossip FD`: the gossip process, on an open socket. See process.py."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys

from swarmpy.gossip.process import run


def main() -> None:
    # A terminal's Ctrl-C and systemd's stop reach all of a unit: the daemon decides when this ends.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    end = socket.socket(fileno=int(sys.argv[1]))
    end.setblocking(False)
    gc.freeze()  # what was imported stays: looking at it again and again only costs
    asyncio.run(run(end))


if __name__ == "__main__":
    main()
