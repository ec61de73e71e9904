"""Makes channels to managers, and tells whether one is connected before anything is sent."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import grpc

from swarmpy.errors import DaemonUnreachable, PermissionDenied
from swarmpy.rpc.grpc_transport import ANSWER_MAX_BYTES, METADATA_MAX_BYTES

Dial: TypeAlias = Callable[[str], grpc.aio.Channel]
"""Address -> channel; it may raise DaemonUnreachable or PermissionDenied at once."""

CONNECT_S = 5.0
"""How long one manager may take to accept a connection."""
OPTIONS = (
    ("grpc.max_receive_message_length", ANSWER_MAX_BYTES),
    ("grpc.max_metadata_size", METADATA_MAX_BYTES),
    ("grpc.absolute_max_metadata_size", METADATA_MAX_BYTES),
    ("grpc.use_local_subchannel_pool", 1),  # no back-off left behind by an earlier channel
)


def dial_local(address: str) -> grpc.aio.Channel:
    """Return a channel to `unix:/path`; the socket's file mode is the permission.

    Raises:
        DaemonUnreachable: nothing listens there.
        PermissionDenied: this user may not open it.
    """
    path = Path(address.removeprefix("unix:"))
    try:
        path.stat()
    except PermissionError as error:
        raise _forbidden(path) from error
    except OSError as error:
        raise DaemonUnreachable(
            f"no node daemon answers at {path}",
            remedy="swarmpy init starts a swarm here, swarmpy join adds this machine to one; "
            "SWARMPY_HOST names another",
        ) from error
    if not os.access(path, os.R_OK | os.W_OK):
        raise _forbidden(path)
    return grpc.aio.insecure_channel(address, options=OPTIONS)


def _forbidden(path: Path) -> PermissionDenied:
    return PermissionDenied(
        f"this user may not open {path}", remedy="use sudo, or join the group that owns it"
    )


async def reachable(channel: grpc.aio.Channel, address: str) -> None:
    """Return once the channel is connected. Nothing of a call has left before that.

    Raises:
        DaemonUnreachable: nobody accepts the connection, or not in time.
    """
    try:
        async with asyncio.timeout(CONNECT_S):
            while True:
                state = channel.get_state(try_to_connect=True)
                if state == grpc.ChannelConnectivity.READY:
                    return
                if state in {
                    grpc.ChannelConnectivity.TRANSIENT_FAILURE,
                    grpc.ChannelConnectivity.SHUTDOWN,
                }:
                    break
                await channel.wait_for_state_change(state)
    except TimeoutError:
        pass
    raise DaemonUnreachable(
        f"nobody answers at {address.removeprefix('unix:')}",
        remedy="see whether the daemon runs: swarmpy doctor",
    )
