"""The socket between a daemon and its gossip process: whole messages, and a limit on each."""

from __future__ import annotations

import asyncio
from typing import Final

from swarmpy.pb.gossip_local_pb2 import GossipOrder, GossipReport
from swarmpy.rpc.frames import put_frame, read_frame

MESSAGE_MAX_BYTES: Final = 4 << 20
"""Far more than 200 entries have."""


async def read_order(reader: asyncio.StreamReader) -> GossipOrder:
    """Return what the daemon wants. Raises IncompleteReadError when it has closed the pipe."""
    return await read_frame(reader, GossipOrder, MESSAGE_MAX_BYTES)


async def read_report(reader: asyncio.StreamReader) -> GossipReport:
    """Return what the process tells. Raises IncompleteReadError when it has ended."""
    return await read_frame(reader, GossipReport, MESSAGE_MAX_BYTES)


def put(writer: asyncio.StreamWriter, message: GossipOrder | GossipReport) -> None:
    """Let a message wait for the other end."""
    put_frame(writer, message, MESSAGE_MAX_BYTES)
