"""A swarm of three managers of ours, as daemons: what a user has, on three loopback addresses."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from swarmpy import Client
from swarmpy.daemon.bootstrap import prepare_first, prepare_joining
from swarmpy.daemon.key_choice import KeyWish
from swarmpy.daemon.settings import Settings
from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER

MANAGERS = 3
START_S = 60.0


@asynccontextmanager
async def swarm(root: Path) -> AsyncIterator[Client]:
    """Give a client of the first manager, which leads, once all three are members."""
    daemons: list[subprocess.Popen[bytes]] = []
    try:
        first = await asyncio.to_thread(_prepare_first, root)
        daemons.append(_start(first))
        async with asyncio.timeout(START_S):
            while not first.socket_path.exists():
                await asyncio.sleep(0.05)
        async with await Client.connect(f"unix://{first.socket_path}") as client:
            for number in range(2, MANAGERS + 1):
                token = (await client.create_token(NODE_ROLE_MANAGER)).secret
                joined = await asyncio.to_thread(
                    prepare_joining,
                    _settings(root, number),
                    first.raft_address,
                    token,
                    _key(root, number),
                )
                daemons.append(_start(joined.settings))
                await _until_members(client, number)
            yield client
    finally:
        for daemon in daemons:
            daemon.terminate()
        for daemon in daemons:
            daemon.wait()


def _prepare_first(root: Path) -> Settings:
    return prepare_first(_settings(root, 1), _key(root, 1)).settings


def _key(root: Path, number: int) -> KeyWish:
    return KeyWish(f"file:{root}/key{number}")


def _settings(root: Path, number: int) -> Settings:
    address = f"127.0.0.{40 + number}"
    state_dir = root / f"manager{number}"
    return Settings(
        state_dir=state_dir,
        advertise_address=address,
        listen_address=address,
        published_address=address,
        runtime="process",
        socket_path=state_dir / "swarmpy.sock",
    )


def _start(settings: Settings) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "swarmpy.daemon", str(settings.state_dir)]
    with (settings.state_dir / "daemon.log").open("wb") as log:
        return subprocess.Popen(argv, stdout=log, stderr=log)


async def _until_members(client: Client, count: int) -> None:
    async with asyncio.timeout(START_S):
        while len((await client.nodes()).manager_ids_reachable) < count:
            await asyncio.sleep(0.1)
